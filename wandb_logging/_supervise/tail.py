"""A file that another program writes, read as it grows: with the manners of `tail -F`.

It may come late. A file that takes its place (rotation) is read from its beginning, the old one first to its end; one
that is cut is read from its beginning, too. A pipe is read as it fills.
"""

from __future__ import annotations

import codecs
import contextlib
import os
import select
import stat
from pathlib import Path
from typing import BinaryIO

_PIECE = 2**20
STDIN = "-"


def _at_once(path: str, flags: int) -> int:
    """Open a file; a pipe without waiting for somebody who writes to it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Tail:
    """Where reading stands.

    Args:
        path: the file; `-` is stdin.

    Attributes:
        waits: whether it is a pipe that somebody may write to, or has yet to.
        is_over: whether it is a pipe that nobody can write to any more.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.is_over = self.waits = False
        self._file: BinaryIO | None = None
        self._is_pipe = self._has_begun = False
        self._has_no_name = str(path) == STDIN or str(path).startswith(("/dev/fd/", "/proc/", "/dev/stdin"))
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
        if self._is_pipe:
            return self._decoder.decode(self._of_pipe(self._file))
        data = self._file.read(_PIECE)
        if not data and self._was_cut():
            self._file.seek(0)
            data = self._file.read(_PIECE)
        if not data and self._was_replaced():
            data = self._file.read(_PIECE)  # what came between the last look and the other file
            if not data:
                self.close()
                return self.read()
        return self._decoder.decode(data)

    def _of_pipe(self, pipe: BinaryIO) -> bytes:
        """What is in a pipe: nobody waits for more of it here."""
        if not select.select([pipe], [], [], 0)[0]:
            return b""
        data = pipe.read(_PIECE) or b""
        self._has_begun = self._has_begun or bool(data)
        ended = not data and (self._has_begun or self._has_no_name)
        self.waits, self.is_over = not ended, ended and self._has_no_name
        return data

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = open(  # noqa: SIM115  kept open; a path cannot say how
                    os.dup(0) if str(self.path) == STDIN else self.path, "rb", buffering=0, opener=_at_once
                )
                self.waits = self._is_pipe = not stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)

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
