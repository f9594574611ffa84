"""Copies of files that are to be uploaded, within max_cache_bytes where that is set: room is made for each first."""

from __future__ import annotations

import contextlib
import errno
from typing import Protocol

from wandb_logging._journal.copies import Kept, Source, size_of
from wandb_logging._journal.rundir import RunDir


class Room(Protocol):
    """Knows how much a run directory may hold: the writer of its journal.

    Attributes:
        most_output: bytes that the copy of output.log may have; None where max_cache_bytes is not set.
    """

    most_output: int | None

    def make_way(self, size: int) -> None:
        """Make room for a copy of `size` bytes.

        Raises:
            OSError: there is no room.
        """


class BoundedCopies:
    """Makes copies in a run directory, within its bound.

    Args:
        run_dir: the run directory.
        room: makes room for them; None where max_cache_bytes is not set.

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
        """Copy a file of the run, or bytes. Returns its path relative to the directory.

        Raises:
            OSError: it cannot be read or copied.
        """
        self._make_way(source)
        return self.run_dir.files.keep(source, name)

    def append(self, data: bytes, name: str, size: int) -> int:
        """Append to the copy of output.log behind its first `size` bytes. Returns its size now.

        Raises:
            OSError: it cannot be written, or would be too large: then the copy is removed.
        """
        if self._most_output is not None and size + len(data) > self._most_output:
            self._most_output = 0
            with contextlib.suppress(FileNotFoundError):
                self.run_dir.files.remove(name)  # no file is better than half of one
            raise OSError(errno.EFBIG, "too large for max_cache_bytes")
        return self.run_dir.files.append(data, name, size)

    def _make_way(self, source: Source) -> None:
        if self._room is not None and self._most_output is not None:
            self._room.make_way(size_of(source))
