"""Reads a file that another program writes, while it grows, as `tail -F` does.

The file may not exist yet. After a rotation, the old file is read to its end and the new one from its beginning. A file
that was truncated, or written anew, is read from its beginning again. A pipe is read as it fills. A line that a file
ends with, without a newline, does not go on in the next file.
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
_MARK = 64  # bytes before the position that has been reached, by which a file that was written anew is known
_MOST_HELD = 2**16  # characters of a line that are held until it is complete
STDIN = "-"


def _at_once(path: str, flags: int) -> int:
    """Open a file. A pipe is opened without waiting for a writer."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


class _Text:
    """The text of a file, which comes in pieces: UTF-8, or UTF-16 if its mark is at the beginning.

    NULs are left out. A file that was cut begins with them if its writer goes on at its old place.
    """

    def __init__(self) -> None:
        self._decoder: codecs.IncrementalDecoder | None = None
        self._begun = b""
        self._is_within_line = False

    def take(self, data: bytes) -> str:
        """The text of a piece."""
        if self._decoder is None:
            data = self._begun = (self._begun + data).lstrip(b"\0")
            if data in {b"", codecs.BOM_UTF16_LE[:1], codecs.BOM_UTF16_BE[:1]}:
                return ""
            wide = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
            self._decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")("replace")
        return self._seen(self._decoder.decode(data))

    def end(self) -> str:
        """What is left when no more pieces come, and the end of a line that has none."""
        rest = self._seen(self._decoder.decode(b"", final=True)) if self._decoder is not None else ""
        return f"{rest}\n" if self._is_within_line else rest

    def _seen(self, text: str) -> str:
        text = text.replace("\0", "")
        self._is_within_line = not text.endswith("\n") if text else self._is_within_line
        return text


class WholeLines:
    """Makes whole lines of pieces of text, for texts of several files that are put together."""

    def __init__(self) -> None:
        self._held = ""

    def take(self, text: str) -> str:
        """The lines that are complete now. A very long one is, too."""
        text = self._held + text
        end = text.rfind("\n") + 1
        self._held = text[end:]
        return text[:end] + (self.end() if len(self._held) > _MOST_HELD else "")

    def end(self) -> str:
        """The line that was not complete."""
        held, self._held = self._held, ""
        return f"{held}\n" if held else ""


class Tail:
    """A file that is being read, with the position that has been reached.

    Args:
        path: the file; `-` is stdin.
        whole: whether to give whole lines only, for texts of several files that are put together.

    Attributes:
        waits: whether the file is a pipe that may still get data, from a writer it has or one to come.
        is_over: whether the file is a pipe that nobody can write to any more.
    """

    def __init__(self, path: Path, *, whole: bool = False) -> None:
        self.path = path
        self._lines = WholeLines() if whole else None
        self.is_over = self.waits = False
        self._file: BinaryIO | None = None
        self._is_pipe = self._has_begun = False
        self._has_no_name = str(path) == STDIN or str(path).startswith(("/dev/fd/", "/proc/", "/dev/stdin"))
        self._text = _Text()
        self._mark = b""  # what stands before the position that has been reached

    @property
    def is_there(self) -> bool:
        """Whether the file has been seen."""
        return self._file is not None

    def read(self) -> str:
        """The text written since the last call, at most a mebibyte; empty if there is nothing new.

        Raises:
            OSError: the file cannot be read.
        """
        text = self._read()
        return text if self._lines is None else self._lines.take(text)

    def rest(self) -> str:
        """What is left of the text when nothing more is read."""
        text = self._next_text()
        return text if self._lines is None else self._lines.take(text) + self._lines.end()

    def _read(self) -> str:
        self._open()
        if self._file is None:
            return ""
        if self._is_pipe:
            return self._text.take(self._of_pipe(self._file))
        was_cut = self._was_cut()
        text = "" if was_cut else self._more(self._file)
        if text or not (was_cut or self._was_replaced()):
            return text
        if was_cut:
            self._file.seek(0)
            self._mark = b""
        elif text := self._more(self._file):  # the old file's last data, written before the other took its place
            return text
        else:
            self.close()
        return self._next_text() + self._read()

    def _more(self, file: BinaryIO) -> str:
        while data := file.read(_PIECE):
            self._mark = (self._mark + data)[-_MARK:]
            if text := self._text.take(data):  # else there were only NULs
                return text
        return ""

    def _next_text(self) -> str:
        """Begin another text. Returns what ends the one before."""
        before, self._text = self._text.end(), _Text()
        return before

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
            self._mark = b""

    def _open(self) -> None:
        if self._file is None:
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):  # a folder is for others
                self._file = open(  # noqa: SIM115  stays open; a Path has no opener
                    os.dup(0) if str(self.path) == STDIN else self.path, "rb", buffering=0, opener=_at_once
                )
                mode = os.fstat(self._file.fileno()).st_mode
                self.waits = self._is_pipe = not stat.S_ISREG(mode)
                self._has_no_name = self._has_no_name or stat.S_ISCHR(mode)  # nobody comes to write to a device

    def _was_cut(self) -> bool:
        """Whether the file was truncated, also if it is longer again: then other bytes stand before our position."""
        assert self._file is not None
        size, position = os.fstat(self._file.fileno()).st_size, self._file.tell()
        if size <= position or b"\0" in self._mark:  # on NFS NULs stand where data has not arrived yet
            return size < position
        self._file.seek(-len(self._mark), os.SEEK_CUR)
        return self._file.read(len(self._mark)) != self._mark

    def _was_replaced(self) -> bool:
        assert self._file is not None
        try:
            there = self.path.stat()
        except OSError:
            return False  # removed; the next file has not come yet
        mine = os.fstat(self._file.fileno())
        return (there.st_dev, there.st_ino) != (mine.st_dev, mine.st_ino)
