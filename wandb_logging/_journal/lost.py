"""Files of a journal that have lost their names: the directory was removed or moved. They are there until closed."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

LOST = "the run directory went away"


class Home(Protocol):
    """Where a writer writes, as far as it has to know: a `RunDir`."""

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """Segment and byte up to which the server has what a writer wrote; (1, 0) is nothing."""

    def has_writer(self, writer: Any) -> None:
        """Take note of who writes, and keeps in memory what the disk refuses."""

    def leaves_out_lines(self) -> None:
        """Take note that a reader may have stood before lines that will not come: the server has them."""

    def begins_behind_gap(self) -> None:
        """Have readers begin behind what the server has: lines before that are not all there.

        Raises:
            OSError: that cannot be noted.
        """

    def is_away(self) -> bool:
        """Whether the directory is gone with the whole disk: then it may come back, with all that is in it."""

    def stand_again(self) -> bool:
        """Make the directory anew if it is gone; whether it was."""


def is_gone(path: Path) -> bool:
    """Whether there is certainly no directory. No, where nobody can tell, or may look there."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def is_in_place(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one that is found under its name. Yes, where nobody can tell."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def is_cut_off(descriptor: int, path: Path) -> bool:
    """Whether an open file leads nowhere any more while its name does: the disk was away, and is mounted again."""
    try:
        path.stat()
    except OSError:
        return False
    try:
        os.fstat(descriptor)
    except OSError:
        return True
    return False


def disk_of(path: Path) -> int | None:
    """The disk that a path is on, or would be; None where nobody can tell."""
    for folder in (path, *path.parents):
        try:
            return folder.stat().st_dev
        except FileNotFoundError:
            continue
        except OSError:
            return None
    return None


def unacknowledged(segments: Iterable[tuple[int, int]], acknowledged: tuple[int, int]) -> list[bytes]:
    """The lines in open segments that the server does not have, oldest first.

    Args:
        segments: number and descriptor of each.
        acknowledged: segment and byte up to which it has them.
    """
    lines: list[bytes] = []
    for number, descriptor in sorted(segments):
        if number >= acknowledged[0]:
            start = acknowledged[1] if number == acknowledged[0] else 0
            with contextlib.suppress(OSError):
                lines += _read(descriptor, start).splitlines(keepends=True)
    return [line for line in lines if line.endswith(b"\n")]


def _read(descriptor: int, start: int) -> bytes:
    if not hasattr(os, "pread"):  # Windows, where an open file cannot be removed
        return b""
    data = b""
    while block := os.pread(descriptor, 2**20, start + len(data)):
        data += block
    return data
