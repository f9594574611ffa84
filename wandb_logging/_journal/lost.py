"""What a writer does when its run directory was removed or moved: files that are open can still be read."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

LOST = "the run directory went away"


class Home(Protocol):
    """What a writer needs of the directory that it writes in: a `RunDir`."""

    def acknowledged(self, writer: int) -> tuple[int, int]:
        """Segment and byte up to which the server has what a writer wrote; (1, 0): it has nothing."""

    def add_writer(self, writer: Any) -> None:
        """Note that this writer writes here: readers also read the lines that it keeps in memory."""

    def leaves_out_lines(self) -> None:
        """Note that lines are left out of the journal because the server has them: readers have to look again."""

    def begins_behind_gap(self) -> None:
        """Have readers begin behind what the server has: some of the lines before that are not in the journal.

        Raises:
            OSError: the disk refuses it.
        """

    def is_away(self) -> bool:
        """Whether the whole disk is gone: then the directory may come back with its content."""

    def stand_again(self) -> bool:
        """Make the directory again if it is gone. Returns whether it was gone."""

    def become_run(self) -> None:
        """Have a directory that was made late taken for a run from now on: it has a writer.

        Raises:
            OSError: the disk refuses it.
        """

    def give_up(self) -> None:
        """Remove what was made of a directory that did not become a run."""


def is_gone(path: Path) -> bool:
    """Whether it is certain that there is no directory. False where it cannot be looked for."""
    try:
        return not stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False


def is_in_place(descriptor: int, path: Path) -> bool:
    """Whether an open file is still the one at `path`. True where that cannot be found out."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True


def is_cut_off(descriptor: int, path: Path) -> bool:
    """Whether an open file cannot be used any more although `path` can: the disk was away, and is mounted again."""
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
    """The device of the file system that a path is on, or would be on; None if that cannot be found out."""
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
        segments: number and descriptor of each segment.
        acknowledged: segment and byte up to which the server has the lines.
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
