"""Lines kept in memory that the disk refuses, and the bytes that a segment will have of them. Touches no disk."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from itertools import accumulate, takewhile


class KeptLines:
    """The lines that a writer keeps, in the order in which the disk is to have them.

    Attributes:
        lines: whole ones; of the first perhaps the rest alone.
        size: bytes of all of that.
        part: what the segment has of the line whose rest is the first; b"" if that is whole.
    """

    def __init__(self) -> None:
        self.lines: deque[bytes] = deque()
        self.size = 0
        self.part = b""

    def add(self, line: bytes) -> None:
        """Keep one more."""
        self.lines.append(line)
        self.size += len(line)

    def put_before(self, lines: Sequence[bytes]) -> None:
        """Keep lines that were before all of these."""
        self.lines.extendleft(reversed(lines))
        self.size += sum(map(len, lines))

    def put_begun(self, line: bytes, written: int) -> None:
        """Keep the rest of a line before all of these: so many bytes of it are in the segment."""
        self.part = line[:written]
        self.put_before([line[written:]])

    def pop(self) -> int:
        """Forget the first; how many bytes of it were kept."""
        size = len(self.lines.popleft())
        self.size -= size
        self.part = b""
        return size

    def wrote(self, written: int) -> bool:
        """Take note that the segment has so many bytes more of the first; whether it has all of that now."""
        line = self.lines[0]
        if written == len(line):
            self.pop()
            return True
        self.part += line[:written]
        self.lines[0] = line[written:]
        self.size -= written
        return False

    def make_whole(self) -> None:
        """Keep all of the line of which the segment has a part: the rest goes elsewhere."""
        if self.part:
            self.lines[0] = self.part + self.lines[0]
            self.size += len(self.part)
            self.part = b""

    def clear(self) -> None:
        """Forget all."""
        self.lines.clear()
        self.size = 0
        self.part = b""


def part_of(lines: Iterable[bytes], begin: int, offset: int, most: int) -> bytes:
    """Some bytes of lines, from a byte of the segment on.

    Args:
        lines: in order.
        begin: byte of the segment where the first begins.
        offset: byte of the segment from which on; not before `begin`.
        most: how many at most.
    """
    at, found = begin, bytearray()
    for line in lines:
        found += line[max(0, offset - at) :]
        at += len(line)
        if len(found) >= most:
            break
    return bytes(found[:most])


def lines_until(lines: Iterable[bytes], begin: int, end: int) -> int:
    """How many lines end at or before a byte of the segment, where the first begins at `begin`."""
    ends = accumulate(map(len, lines), initial=begin)
    next(ends)
    return sum(1 for _ in takewhile(lambda at: at <= end, ends))
