from __future__ import annotations

import pytest
from hypothesis import example, given, strategies as st

from wandb_logging._cli.text import age, brief, labelled, table
from wandb_logging._values.terminal_text import clean, columns


def test_table() -> None:
    """Names to the left, numbers to the right, nothing behind the last."""
    assert list(map("".join, table([["ID", "LINES", "NAME"], ["a", "7", "x"], ["abc", "12345", ""]]))) == [
        "ID   LINES  NAME",
        "a        7  x",
        "abc  12345",
    ]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0.9, "0 s"), (59, "59 s"), (60, "1 min"), (7199, "1 h"), (86400 * 12.5, "12 d")],
)
def test_age(seconds: float, text: str) -> None:
    """A duration is told in its largest unit."""
    assert age(seconds) == text


@given(st.text())
def test_clean(text: str) -> None:
    """No name from a run can steer the terminal."""
    assert clean(text).isprintable()
    assert len(clean(text)) == len(text)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ),
    st.integers(3, 80),
)
def test_brief(value: object, width: int) -> None:
    """Any value fits into its column."""
    assert columns(brief(value, width)) <= width


@given(st.integers(-(2**80), 2**80) | st.floats(allow_nan=False, allow_infinity=False), st.integers(10, 80))
@example(1e-323, 10)
@example(2**63 - 1, 12)
def test_a_number_is_cut_to_about_itself(value: float, width: int) -> None:
    """What is left out of a number is its last digits: neither its exponent nor some of its first."""
    assert float(brief(value, width)) == pytest.approx(value, rel=0.06, abs=5e-324)


@pytest.mark.parametrize(
    ("most", "line"),
    [
        (None, "r1  a rather long project  a rather long name      7"),
        (60, "r1  a rather long project  a rather long name      7"),
        (45, "r1  a rather long...  a rather long...      7"),
        (29, "r1  a rat...  a rat...      7"),
        (5, "r1  a rat...  a rat...      7"),
    ],
)
def test_table_on_a_narrow_terminal(most: int | None, line: str) -> None:
    """Names are cut, what one has to type is not."""
    rows = [["ID", "PROJECT", "NAME", "LINES"], ["r1", "a rather long project", "a rather long name", "7"]]
    assert "".join(table(rows, most)[1]) == line


def test_a_very_long_name_in_a_pipe() -> None:
    """It is whole there, its row goes on behind it, and the other rows are as short as without it."""
    rows = [["ID", "NAME", "LINES"], ["a", "x", "7"], ["b", "a name", "12345"]]
    long = ["c", "n" * 10_000, "1"]
    lines = list(map("".join, table([*rows, long])))
    assert lines[:-1] == list(map("".join, table(rows)))
    assert lines[-1].split() == long


def test_every_name_fits_a_terminal() -> None:
    """Whatever `ls` can show that somebody has named: none is wider than the terminal."""
    heads = ["ID", "PROJECT", "NAME", "GROUP", "JOB_TYPE", "TAGS", "LINES"]
    lines = list(map("".join, table([heads, ["r1", *["名" * 5000] * 5, "7"]], 80)))
    assert max(map(columns, lines)) <= 80
    assert lines[1].split()[0] == "r1"
    assert lines[1].split()[-1] == "7"


@pytest.mark.parametrize("most", range(12, 80, 4))
def test_a_table_of_metrics_fits(most: int) -> None:
    """In a narrow terminal it does without what says least; the name and the last value stay."""
    rows = [
        ["METRIC", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"],
        ["a/long/name", "50", "1", "0.004", "1", "0.04"],
    ]
    lines = ["".join(map(str, line)) for line in table(rows, most)]
    assert max(map(len, lines)) <= max(most, 14)
    assert lines[0].startswith("METRIC")
    assert lines[0].endswith("LAST")


def test_a_long_id_is_the_last_to_be_cut() -> None:
    """It is what one has to type."""
    rows = [["ID", "PROJECT", "NAME"], ["a-very-long-id-of-a-run", "project-of-a-team", "name-of-a-run"]]
    assert "".join(table(rows, 45)[1]).split() == ["a-very-long-id-of-a-run", "projec...", "name-o..."]
    assert max(len("".join(map(str, line))) for line in table(rows, 30)) <= 30


def test_a_name_that_is_half_as_wide_as_the_terminal_moves_no_values() -> None:
    """The others stay aligned, and fit."""
    assert labelled([("lr", "0.1"), ("a/very/long/name/of/a/metric", "3")], "  ", 40) == [
        "  lr  0.1",
        "  a/very/long/name/of/a/metric  3",
    ]
