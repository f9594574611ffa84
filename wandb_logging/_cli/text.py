"""How values look in a line: pure functions that several commands share."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

_NUMBERS = frozenset({"LINES", "UNSENT", "AGE", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"})
_CUT = ("NAME", "PROJECT")
_LEAST = 8  # characters of a name that is cut


def clean(text: object) -> str:
    """Text from a run as it may be printed: a name must not steer the terminal."""
    return "".join(char if char.isprintable() else "?" for char in str(text))


def brief(value: object, width: int) -> str:
    """A value of a config or summary in at most `width` characters."""
    if isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    return text if len(text) <= width else text[: max(0, width - 3)] + "..."


def table(rows: Sequence[Sequence[str]], most: int | None = None) -> list[str]:
    """Lines of a table; the first row is its head. Columns of numbers are aligned to the right.

    Args:
        rows: the texts, by row and column.
        most: columns of the terminal: names that can be longer than needed are cut for it, as far as that helps.
    """
    widths = [max(map(len, column)) for column in zip(*rows)]
    over = 0 if most is None else sum(widths) + 2 * (len(widths) - 1) - most
    for head in _CUT:
        if over > 0 and head in rows[0]:
            at = rows[0].index(head)
            cut = min(over, max(0, widths[at] - _LEAST))
            widths[at] -= cut
            over -= cut
    marks = [">" if head in _NUMBERS else "<" for head in rows[0]]
    forms = [f"{mark}{width}" for mark, width in zip(marks, widths)]
    return ["  ".join(map(format, map(brief, row, widths), forms)).rstrip() for row in rows]


def labelled(pairs: Iterable[tuple[str, str]], indent: str = "") -> list[str]:
    """Lines of names and values, the values aligned."""
    items = list(pairs)
    width = max((len(name) for name, _ in items), default=0)
    return [f"{indent}{name.ljust(width)}  {value}".rstrip() for name, value in items]


def age(seconds: float) -> str:
    """A duration in its largest unit: "40 s", "3 min", "5 h", "12 d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def counted(number: int, noun: str) -> str:
    """A number with its noun: "1 row", "2 rows"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
