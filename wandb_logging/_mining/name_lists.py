"""Names in brackets and their numbers in the same order: `[min, mean, max]  1ms, 2ms, 3ms` or `(a, b): (1 2)`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from wandb_logging._mining.numbers import number

_NAMES = re.compile(
    r"[\[(]((?:[A-Za-z0-9][\w%. -]{0,20}(?:, ?|/)){1,11}[A-Za-z][\w%. -]{0,20})[\])]\s*[:=]?\s*[\[(]?\s*(?=[-+.\d])"
)
_SLASHED = re.compile(
    r"(?<![\w/.])((?:[A-Za-z%][\w%]{0,20}/){2,11}[A-Za-z%][\w%]{0,20})\s?[:=]\s?((?:-?\d[\d.]*/){2,11}-?\d[\d.]*)"
)
_APART = re.compile(r"\s*(?:,|/|;)\s*|\s+")


def slashed(text: str, decimal: str) -> tuple[list[tuple[str, float, int, int]], str]:
    """The numbers with their names in `min/avg/max = 0.1/0.2/0.4`, and the line without them.

    Returns:
        Name, value, beginning and end of each; and the line, at the same length.
    """
    found: list[tuple[str, float, int, int]] = []
    for match in _SLASHED.finditer(text) if "/" in text and decimal == "." else ():
        names, numbers = match[1].split("/"), list(re.finditer(r"[^/]+", match[2]))
        if len(names) != len(numbers) or any(one[0].count(".") > 1 for one in numbers):
            continue
        begin = match.start(2)
        found += [
            (name, number(one[0].rstrip(".")), begin + one.start(), begin + len(one[0].rstrip(".")) + one.start())
            for name, one in zip(names, numbers)
        ]
        text = text[: match.start()] + "\x01" * len(match[0]) + text[match.end() :]
    return found, text


class _Numbered(Protocol):
    name: str
    sep: str
    start: int
    end: int
    unit: str


def name_lists(fields: Sequence[_Numbered], text: str) -> None:
    """Name the numbers that follow a list of as many names."""
    for match in _NAMES.finditer(text):
        names = [name.strip() for name in re.split(r", ?|/", match[1])]
        behind = [one for one in fields if one.start >= match.end()][: len(names)]
        if len(behind) == len(names) and _is_list(behind, match.end(), text):
            for one, name in zip(behind, names):
                one.name, one.sep = name, "="


def _is_list(fields: Sequence[_Numbered], start: int, text: str) -> bool:
    """Whether there is nothing but separators and units between these numbers, and no more numbers behind them."""
    ends = [start, *(one.end + len(one.unit) for one in fields)]
    between = [text[end : one.start] for end, one in zip(ends, fields)]
    last = text[ends[-1] :].lstrip(" ,/")
    return not between[0] and all(_APART.fullmatch(gap) for gap in between[1:]) and not last[:1].isdigit()
