"""Copies that are kept in a run directory to be uploaded: before each its writer makes room, where that is bounded."""

from __future__ import annotations

import contextlib
import errno
from typing import Protocol

from wandb_logging._journal.copies import Kept, Source, size_of
from wandb_logging._journal.rundir import RunDir


class Room(Protocol):
    """Who knows what else a directory may hold: the writer of its journal.

    Attributes:
        most_output: bytes that output.log as a file may have; None where nothing is bounded.
    """

    most_output: int | None

    def make_way(self, size: int) -> None:
        """Make room for a file of so many bytes that is about to be kept.

        Raises:
            OSError: there is none.
        """


class Keeper:
    """Keeps copies in a run directory.

    Args:
        run_dir: the run.
        room: makes room for them; None where nothing is bounded.

    Attributes:
        run_dir: as given.
    """

    def __init__(self, run_dir: RunDir, room: Room | None = None) -> None:
        self.run_dir = run_dir
        self._room = room
        self._most_output = None if room is None else room.most_output

    def media(self, source: Source, extension: str) -> Kept:
        """Copy the bytes of a media value.

        Raises:
            OSError: they cannot be read or copied.
        """
        self._make_way(source)
        return self.run_dir.files.keep_media(source, extension, once=self._most_output is not None)

    def file(self, source: Source, name: str) -> str:
        """Copy a file of the run, or bytes; its path relative to the directory.

        Raises:
            OSError: it cannot be read or copied.
        """
        self._make_way(source)
        return self.run_dir.files.keep(source, name)

    def append(self, data: bytes, name: str, size: int) -> int:
        """Append to output.log as a file, behind its first `size` bytes; its size now.

        Raises:
            OSError: it cannot be written, or would be too large: then it is removed.
        """
        if self._most_output is not None and size + len(data) > self._most_output:
            self._most_output = 0
            with contextlib.suppress(FileNotFoundError):
                self.run_dir.files.remove(name)  # rather none than a part of it
            raise OSError(errno.EFBIG, "too large for max_cache_bytes")
        return self.run_dir.files.append(data, name, size)

    def _make_way(self, source: Source) -> None:
        if self._room is not None and self._most_output is not None:
            self._room.make_way(size_of(source))
