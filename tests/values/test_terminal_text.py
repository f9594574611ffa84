from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from wandb_logging._values.terminal_text import clean, columns, cut, lines_of, one_line, without_sequences

# What steers a terminal or the eye, each in its kind: ESC and C1 sequences, line breaks of all sorts, bidirectional
# controls, what has no glyph.
HOSTILE = [
    "\x1b[31m",
    "\x1b]0;x\x07",
    "\x9b31m",
    "\r",
    "\n",
    "\x0b",
    "\x85",
    "\u2028",
    "\u202e",
    "\u2066",
    "\u200b",
    "\ud800",
]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_what_steers_is_seen(text: str) -> None:
    """What would steer the terminal becomes something one can see, and nothing else does."""
    assert clean(f"a{text}é日b").isprintable()
    assert clean(f"a{text}é日b").startswith("a?")
    assert clean("aé日 b") == "aé日 b"


@given(st.text())
def test_one_line(text: str) -> None:
    """A message is one line, its words one space apart."""
    assert one_line(text).isprintable()
    assert one_line(text).count(" ") == max(0, len(text.split()) - 1)


@given(st.text())
def test_no_line_passes_for_ours(text: str) -> None:
    """Of several lines all but the first are indented."""
    first, *more = lines_of(text).split("\n")
    assert first.isprintable()
    assert all(line.isprintable() and line.startswith("  ") for line in more)


@given(st.text(), st.integers(3, 50))
def test_cut(text: str, most: int) -> None:
    """A text that is cut fits, and says that it was cut; one that fits is left alone."""
    short = cut(text, most)
    assert columns(short) <= most
    assert short == text if columns(text) <= most else short.endswith("...")


def test_columns() -> None:
    """Wide characters take two columns, combining ones none."""
    assert (columns("ab"), columns("日本"), columns("e\u0301"), columns("")) == (2, 4, 1, 0)
    assert (columns("कु"), columns("ที่"), columns("\u1112\u1161\u11ab")) == (1, 1, 2)  # as wcwidth has them


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("\x1b[1;31mred\x1b[0m", "red"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x07", "link"),
        ("no \x1b alone", "no \x1b alone"),
    ],
)
def test_without_sequences(text: str, plain: str) -> None:
    """Colours and links of a program's own output leave their text."""
    assert without_sequences(text) == plain
