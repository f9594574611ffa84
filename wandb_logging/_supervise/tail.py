"""A file that another program writes, read as it grows: with the manners of `tail -F`.

It may come late. A file that takes its place (rotation) is read from its beginning, the old one first to its end; one
that is cut is read from its beginning, too.
"""

from __future__ import annotations

import codecs
import contextlib
import os
from pathlib import Path
from typing import BinaryIO

_PIECE = 2**20


class Tail:
    """Where reading stands.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file: BinaryIO | None = None
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")

    @property
    def is_there(self) -> bool:
        """Whether the file has been seen."""
        return self._file is not None

    def read(self) -> str:
        """What was written since, at most a mebibyte; empty when there is nothing new.

        Raises:
            OSError: the file cannot be read.
        """
        self._open()
        if self._file is None:
            return ""
        data = self._file.read(_PIECE)
        if not data and self._was_cut():
            self._file.seek(0)
            data = self._file.read(_PIECE)
        if not data and self._was_replaced():
            self.close()
            return self.read()
        return self._decoder.decode(data)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = self.path.open("rb")

    def _was_cut(self) -> bool:
        assert self._file is not None
        return os.fstat(self._file.fileno()).st_size < self._file.tell()

    def _was_replaced(self) -> bool:
        assert self._file is not None
        try:
            there = self.path.stat()
        except OSError:
            return False  # taken away: the next one has yet to come
        mine = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)
