"""Reads a file that another program writes, while it grows, as `tail -F` does.

The file may not exist yet. After a rotation, the old file is read to its end and the new one from its beginning. A file
that was truncated is read from its beginning again. A pipe is read as it fills.
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
    """Open a file. A pipe is opened without waiting for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class Tail:
    """A file that is being read, with the position that has been reached.

    Args:
        path: the file; `-` is stdin.

    Attributes:
        waits: whether the file is a pipe that may still get data, from a writer it has or one to come.
        is_over: whether the file is a pipe that nobody can write to any more.
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
        """The text written since the last call, at most a mebibyte; empty if there is nothing new.

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
            data = self._file.read(_PIECE)  # the old file's last data, written before the other took its place
            if not data:
                self.close()
                return self.read()
        return self._decoder.decode(data)

    def _of_pipe(self, pipe: BinaryIO) -> bytes:
        """Read the content of a pipe without waiting for more."""
        if not select.select([pipe], [], [], 0)[0]:
            return b""
        data = pipe.read(_PIECE) or b""
        self._has_begun = self._has_begun or bool(data)
        ended = not data and (self._has_begun or self._has_no_name)
        self.waits, self.is_over = not ended, ended and self._has_no_name
        return data

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        if self._file is None:
            with contextlib.suppress(FileNotFoundError):
                self._file = open(  # noqa: SIM115  stays open; a Path has no opener
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
            return False  # removed; the next file has not come yet
        mine = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)
