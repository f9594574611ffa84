"""Lines that the disk refuses, kept in memory until it takes them, and read there meanwhile: they are sent, too."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate, takewhile
from typing import BinaryIO, Protocol


class UnwrittenLines:
    """The lines that a writer keeps in memory, in the order in which they are to be written.

    Attributes:
        lines: the lines. If the segment already has the beginning of the first, only its rest is in here.
        size: bytes of all `lines`.
        part: the beginning of the first line that the segment already has; b"" if it has none of that line.
    """

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.size = 0
        self.part = b""

    def add(self, line: bytes) -> None:
        """Keep one more line."""
        self.lines.append(line)
        self.size += len(line)

    def put_before(self, lines: Sequence[bytes]) -> None:
        """Keep lines that come before those that are kept."""
        self.lines.extendleft(reversed(lines))
        self.size += sum(map(len, lines))

    def put_begun(self, line: bytes, written: int) -> None:
        """Keep the rest of a line, before all others: the segment has its first `written` bytes."""
        self.part = line[:written]
        self.put_before([line[written:]])

    def pop(self) -> int:
        """Forget the first line. Returns how many bytes of it were kept."""
        size = len(self.lines.popleft())
        self.size -= size
        self.part = b""
        return size

    def wrote(self, written: int) -> bool:
        """Note that the segment got `written` more bytes of the first line. Returns whether it has the whole line."""
        line = self.lines[0]
        if written == len(line):
            self.pop()
            return True
        self.part += line[:written]
        self.lines[0] = line[written:]
        self.size -= written
        return False

    def make_whole(self) -> None:
        """Keep the first line as a whole again: it will be written to another segment."""
        if self.part:
            self.lines[0] = self.part + self.lines[0]
            self.size += len(self.part)
            self.part = b""

    def clear(self) -> None:
        """Forget all lines."""
        self.lines.clear()
        self.size = 0
        self.part = b""


def part_of(lines: Iterable[bytes], begin: int, offset: int, most: int) -> bytes:
    """Bytes that the segment will have once these lines are written.

    Args:
        lines: the lines, in order.
        begin: byte of the segment at which the first line begins.
        offset: byte of the segment at which the wanted bytes begin; not before `begin`.
        most: how many bytes at most.
    """
    at, found = begin, bytearray()
    for line in lines:
        found += line[max(0, offset - at) :]
        at += len(line)
        if len(found) >= most:
            break
    return bytes(found[:most])


def lines_until(lines: Iterable[bytes], begin: int, end: int) -> int:
    """How many of the lines end at or before the byte `end` of a segment, if the first begins at the byte `begin`."""
    ends = accumulate(map(len, lines), initial=begin)
    next(ends)
    return sum(1 for _ in takewhile(lambda at: at <= end, ends))


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
