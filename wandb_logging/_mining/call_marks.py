"""What stands for the values of a template while their names are looked for: numbers and words that nobody writes."""

from __future__ import annotations

import re

FIRST = 7_000_001
NUMBER = r"70\d{5}"
WORD = r"Qq[a-z]{2}"
MARKS = re.compile(rf"(?P<before>[ #(\[]*)(?P<mark>{WORD}|{NUMBER})(?P<after> ?)")


def without_marks(literal: str) -> str:
    """Text of a template, changed where it looks like a mark."""
    return _LIKE_MARKS.sub(lambda match: "71" if match[0] == "70" else "QQ", literal)


_LIKE_MARKS = re.compile(r"70(?=\d{5})|Qq(?=[a-z])")


def mark_of(i: int, *, text: bool) -> str:
    """What stands for a value by its place among all: a word if it is a text, else a number."""
    return f"Qq{chr(97 + i // 26 % 26)}{chr(97 + i % 26)}" if text else str(FIRST + i)


def index_of(mark: str) -> int:
    """The place of a value among all, by what stands for it."""
    return int(mark) - FIRST if mark.isdigit() else (ord(mark[2]) - 97) * 26 + ord(mark[3]) - 97
