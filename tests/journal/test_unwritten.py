"""Promises of lines in memory: they are the bytes that the segment will have."""

from __future__ import annotations

from itertools import accumulate

from hypothesis import given, strategies as st

from wandb_logging._journal.unwritten import UnwrittenLines, lines_until, part_of

lines = st.lists(st.binary(min_size=1, max_size=6), max_size=6)


@given(lines, st.integers(0, 9), st.integers(0, 40), st.integers(1, 20))
def test_any_part(given_lines: list[bytes], begin: int, more: int, most: int) -> None:
    """Whatever is asked for is a slice of all of them in one piece."""
    assert part_of(given_lines, begin, begin + more, most) == b"".join(given_lines)[more : more + most]


@given(lines, st.integers(0, 9), st.integers(0, 50))
def test_which_lines_end_before_a_byte(given_lines: list[bytes], begin: int, end: int) -> None:
    """A line counts once all of it is before that byte."""
    count = lines_until(given_lines, begin, end)
    ends = [begin + len(b"".join(given_lines[: number + 1])) for number in range(len(given_lines))]
    assert count == sum(at <= end for at in ends)


@given(lines, st.lists(st.tuples(st.integers(0, 6), st.booleans()), max_size=12))
def test_what_is_written_bit_by_bit(given_lines: list[bytes], tries: list[tuple[int, bool]]) -> None:
    """However much of a line the disk takes at a time, and wherever it goes on: what it has and what is kept is all."""
    kept, disk = UnwrittenLines(), b""
    for line in given_lines:
        kept.add(line)
    for most, goes_elsewhere in tries:
        if kept.lines:
            taken = kept.lines[0][:most]
            disk += taken
            is_whole = taken != b"" and len(disk) in accumulate(map(len, given_lines))
            assert kept.wrote(len(taken)) == is_whole
        if goes_elsewhere:
            disk = disk[: len(disk) - len(kept.part)]
            kept.make_whole()
        assert disk + b"".join(kept.lines) == b"".join(given_lines)
        assert kept.size == sum(map(len, kept.lines))


def test_a_line_that_was_begun() -> None:
    """Its rest comes before what was there, and all of it again once it goes elsewhere."""
    kept = UnwrittenLines()
    kept.add(b"second\n")
    kept.put_begun(b"first\n", 2)
    assert (list(kept.lines), kept.size, kept.part) == ([b"rst\n", b"second\n"], 11, b"fi")
    kept.make_whole()
    kept.put_before([b"a\n", b"b\n"])
    assert (list(kept.lines), kept.size, kept.part) == ([b"a\n", b"b\n", b"first\n", b"second\n"], 17, b"")
    assert kept.pop() == 2
    kept.clear()
    assert (list(kept.lines), kept.size) == ([], 0)
