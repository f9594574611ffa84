"""Promises of lines in memory: they are the bytes that the segment will have."""

from __future__ import annotations

from hypothesis import given, strategies as st

from wandb_logging._journal.kept import lines_until, part_of

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
