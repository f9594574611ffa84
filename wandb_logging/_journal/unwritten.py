"""Reads a segment and behind it the lines in its writer's memory, which the disk refuses: they are sent, too."""

from __future__ import annotations

from collections.abc import Callable
from typing import BinaryIO, Protocol


class OpenSegment(Protocol):
    """What a reader needs of an open segment."""

    def seek(self, offset: int, /) -> object:
        """Go to a byte."""

    def read(self, most: int, /) -> bytes:
        """Bytes from that byte on; b"" at the end."""

    def fileno(self) -> int:
        """Its descriptor."""

    def close(self) -> object:
        """Close it."""


class WithMemory:
    """An open segment, and behind its end the lines in its writer's memory, at the bytes where they will be written.

    Args:
        file: the segment, unbuffered.
        kept: called with a byte of the segment and a number; gives so many bytes from memory, or b"" if the disk has
            that byte by now.
    """

    def __init__(self, file: BinaryIO, kept: Callable[[int, int], bytes]) -> None:
        self._file = file
        self._kept = kept
        self._at = 0

    def seek(self, offset: int, /) -> None:
        """Go to a byte, which may be behind the end of the file."""
        self._at = offset

    def read(self, most: int, /) -> bytes:
        """At most so many bytes from that byte on."""
        self._file.seek(self._at)
        data = self._file.read(most) or self._kept(self._at, most)
        self._at += len(data)
        return data

    def fileno(self) -> int:
        """The descriptor of the file."""
        return self._file.fileno()

    def close(self) -> None:
        """Close the file."""
        self._file.close()
