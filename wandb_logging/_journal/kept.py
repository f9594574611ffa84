"""Lines kept in memory that the disk refuses, as the bytes that a segment will have of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import accumulate, takewhile


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
