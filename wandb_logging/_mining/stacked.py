"""Tables whose header takes three or more lines, because its names do not fit side by side.

Each name ends where its column does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wandb_logging._mining.cells import TOKEN, cell
from wandb_logging._mining.template import Found

_MARKS = 3  # texts before the cells of a row, such as `c *`


class Stacked:
    """Rows of a table whose header has three or more lines, as `table` of a rule has them.

    Args:
        header: the lines of the header. Their names belong to the columns in the order in which the names end.
        step: the column of the step; a line without a value in it is no row.
        decimal: "," if 3,5 means three and a half.
    """

    def __init__(self, header: str, *, step: str | None = None, decimal: str = ".") -> None:
        self._lines = [line.split() for line in header.split("\n")]
        if not all(self._lines):
            raise ValueError("has an empty line in the header")
        self.needle = max(self._lines[0], key=len)
        self._step = step
        self._decimal = decimal

    def find(self, raw: str, state: dict[str, Any]) -> Found | None:
        """A row; `{}` for other lines of the table; None for any line outside it. `state` holds the open table."""
        above = state.get("above", [])
        if len(above) < len(self._lines):
            at = len(above) if raw.split()[-len(self._lines[len(above)]) :] == self._lines[len(above)] else 0
            if not at and not self.is_header(raw):
                state.clear()
                return None
            state["above"] = [*above[:at], raw]
            return {}
        if self.is_header(raw):
            state["above"] = [raw]
            return {}
        values = row(names_of(above), raw, self._decimal)
        return values if values is not None and (self._step is None or self._step in values) else None

    def is_header(self, raw: str) -> bool:
        """Whether a line is the first line of the table's header."""
        return raw.split()[-len(self._lines[0]) :] == self._lines[0]


def names_of(lines: Sequence[str]) -> list[str]:
    """The names of a header's lines in the order of their columns."""
    mark = mark_of(lines)
    tokens = [(match.end(), match[0]) for line in lines for match in TOKEN.finditer(line) if match.end() > len(mark)]
    return [name for _, name in sorted(tokens)]


def row(names: Sequence[str], raw: str, decimal: str = ".") -> Found | None:
    """The values of a line that has one number for each name, behind a few marks."""
    cells = raw.split()
    more = len(cells) - len(names)
    if not 0 <= more <= _MARKS or any(len(mark) > 1 for mark in cells[:more]):
        return None
    values = [cell(text, decimal) for text in cells[more:]]
    if None in values:
        return None
    return dict(zip(names, values))  # type: ignore[arg-type]


def mark_of(lines: Sequence[str]) -> str:
    """The mark with which all lines of a program begin, such as `c `."""
    first = {line.split(" ", maxsplit=1)[0] for line in lines}
    return first.pop() if len(first) == 1 and len(min(first)) == 1 else ""
