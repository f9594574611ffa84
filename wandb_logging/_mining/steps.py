"""A step computed from several numbers: `epoch * 40 + i`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

Step = Callable[[Mapping[str, object]], "float | None"]

_OTHER = re.compile(r"\s(?:-|/|//|%)\s|[()](?<=\s[()])|^\(")  # what else one may write in an expression
_NUMBER = re.compile(r"\d+(?:\.\d+)?\Z")


def parse(text: str) -> tuple[Step, tuple[str, ...]]:
    """Parse an expression of names, numbers, `*` and `+`; return a function for its value, and its names.

    The value is None if a row lacks one of the named numbers.

    Raises:
        ValueError: the text is no such expression.
    """
    terms = [[factor.strip() for factor in term.split("*")] for term in text.split("+")]
    if not all(factor and not _OTHER.search(factor) for term in terms for factor in term):
        raise ValueError(f"must be a name, or such as 'epoch * 100 + i', not {text!r}")
    names = tuple(factor for term in terms for factor in term if not _NUMBER.match(factor))
    if not names:
        raise ValueError(f"must name a number of the line, and {text!r} does not")
    if terms == [[names[0]]]:
        return _one(names[0]), names
    return lambda values: _sum(terms, values), names


def _one(name: str) -> Step:
    def step(values: Mapping[str, object]) -> float | None:
        value = values.get(name)
        return None if value is None or isinstance(value, str) else value  # type: ignore[return-value]

    return step


def _sum(terms: list[list[str]], values: Mapping[str, object]) -> float | None:
    total = 0.0
    for term in terms:
        product = 1.0
        for factor in term:
            value = float(factor) if _NUMBER.match(factor) else values.get(factor)
            if not isinstance(value, (int, float)):
                return None
            product *= value
        total += product
    return whole(total)


def whole(value: float) -> float:
    """The value as an int if it is a whole number."""
    return int(value) if value == value and abs(value) < 2**53 and value == int(value) else value
