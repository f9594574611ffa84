"""Formats values for lines and tables: pure functions that several commands share."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Sequence

from wandb_logging._cli.output import Line, Styled, styled
from wandb_logging._values.terminal_text import clean, columns, cut

_SPARE = ("FIRST", "POINTS", "HIGHEST", "LOWEST")  # columns that are left out on a narrow terminal
_NUMBERS = frozenset({"LINES", "UNSENT", "AGE", "EXIT_CODE", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"})
_CUT = ("NAME", "PROJECT", "KEY", "METRIC", "GROUP", "JOB_TYPE", "TAGS")
_CUT_LAST = ("ID",)  # cut last, because a person has to type it
_DIGITS = (6, 5, 4, 3, 2, 1)
_LEAST = 8  # least characters of a name that is cut
_LONG = 48  # most columns of a name after which values are aligned, and of a cell to which others are padded


def brief(value: object, width: int) -> str:
    """A value of a config or summary in at most `width` characters. A number loses digits, not its exponent."""
    if isinstance(value, float):
        text = f"{value:.6g}"
    else:
        text = clean(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))
    if len(text) > width and type(value) in {int, float}:
        with contextlib.suppress(OverflowError):  # a whole number beyond all floats
            return cut(next((short for digits in _DIGITS if len(short := f"{value:.{digits}g}") <= width), text), width)
    return cut(text, width)


def table(rows: Sequence[Sequence[str]], most: int | None = None) -> list[Line]:
    """Lines of a table; the first row is its head. Columns of numbers are aligned to the right.

    Args:
        rows: the texts, by row and column; Styled ones keep their style.
        most: columns of the terminal. Long names are cut to fit it, as far as that is enough. None for a pipe: nothing
            is cut, and a very long text is beyond its column, to which only the others are padded.
    """
    if most is not None:
        rows = _without_spare(rows, most)
    texts = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(*texts)]
    over = 0 if most is None else sum(widths) + 2 * (len(widths) - 1) - most
    for heads in (_CUT, _CUT_LAST):
        over -= _narrow(widths, [at for at, head in enumerate(rows[0]) if head in heads], over)
    aligned = widths if most is not None else [_usual(map(columns, column)) for column in zip(*texts)]
    right = [head in _NUMBERS for head in rows[0]]
    return [_row(row, cells, zip(widths, aligned), right) for row, cells in zip(rows, texts)]


def _usual(widths: Iterable[int]) -> int:
    """The width to which cells are padded: of a name of 10 kB, thousands of rows would else be made as long."""
    return max((wide for wide in widths if wide <= _LONG), default=0)


def _narrow(widths: list[int], which: Sequence[int], over: int) -> int:
    """Reduce the widest of these widths, again and again, by `over` columns in all. Returns the columns saved."""
    for less in range(over):
        widest = max(which, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= _LEAST:
            return less
        widths[widest] -= 1
    return max(0, over)


def _without_spare(rows: Sequence[Sequence[str]], most: int) -> Sequence[Sequence[str]]:
    """Leave out the least important columns if even the shortest names leave no room for all columns."""
    for head in _SPARE:
        least = [
            min(wide, _LEAST) if column[0] in (*_CUT, *_CUT_LAST) else wide
            for column in zip(*rows)
            for wide in [max(columns(clean(cell)) for cell in column)]
        ]
        if sum(least) + 2 * (len(least) - 1) > most and head in rows[0]:
            at = rows[0].index(head)
            rows = [[*row[:at], *row[at + 1 :]] for row in rows]
    return rows


def _row(row: Sequence[str], cells: Sequence[str], widths: Iterable[tuple[int, int]], right: Sequence[bool]) -> Line:
    parts: list[str] = []
    for at, (given, text, (width, aligned)) in enumerate(zip(row, cells, widths)):
        last = at == len(row) - 1 and not right[at]
        shown = cut(text, width) if last else padded(cut(text, width), aligned, right=right[at])
        parts += ["  "] * (at > 0) + [styled(shown, given.style) if isinstance(given, Styled) else shown]
    while parts and not parts[-1].strip():
        parts.pop()
    return parts


def labelled(pairs: Iterable[tuple[str, str]], indent: str = "", most: int = 2 * _LONG) -> list[str]:
    """Lines of names and values. Values are aligned, except after names longer than half of `most` columns."""
    items = [(clean(name), value) for name, value in pairs]
    width = max((wide for name, _ in items if (wide := columns(name)) <= min(_LONG, most // 2)), default=0)
    return [f"{indent}{padded(name, width)}  {value}".rstrip() for name, value in items]


def padded(text: str, width: int, *, right: bool = False) -> str:
    """Pad a text with spaces after it, or before it if `right`, to `width` columns of a terminal."""
    spaces = " " * (width - columns(text))
    return spaces + text if right else text + spaces


def age(seconds: float) -> str:
    """A duration in its largest unit: "40 s", "3 min", "5 h", "12 d"."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{max(0, int(seconds))} s"


def as_json(value: object) -> list[str]:
    """Lines of JSON that any program can read: NaN and infinities, which JSON lacks, become the texts that W&B uses."""
    from wandb_logging._values.plain import finite  # noqa: PLC0415  only where a program asks

    return json.dumps(finite(value), indent=1, default=str).splitlines()
