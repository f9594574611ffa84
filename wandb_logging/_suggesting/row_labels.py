"""The column that tells the rows of a table apart: a class, a processor, an interface, a connection, a command."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from wandb_logging._mining import cells as table_cells
from wandb_logging._mining.cells import cell
from wandb_logging._mining.leads import CONNECTION
from wandb_logging._mining.row_cells import row


class RowLabels:
    """What stands at both ends of the rows of a table. Note each row, then ask for the column."""

    def __init__(self) -> None:
        self._rows = 0
        self._firsts: dict[str, list[str]] = defaultdict(list)
        self._lasts: dict[str, list[str]] = defaultdict(list)

    def note(self, text: str, state: Mapping[str, Any]) -> None:
        """Note the first and the last cell of a row; `state` is that of the open table."""
        shown = table_cells.PROGRESS.sub("", text)
        narrow, ends = state.get("narrow", False), state.get("ends")
        cells = row(state["header"], shown, narrow=narrow, ends=ends) or {}
        name, first = _first_cell(cells)
        self._rows += 1
        self._firsts[name].append(first)
        last = next(reversed(list(cells)), "")
        if last.lower() in _WHAT:
            self._lasts[last].append(cells[last])

    def column(self) -> str | None:
        """The name of the column whose texts tell the rows apart; None if there is none."""
        for name, ones in self._firsts.items():
            texts = self.texts(name)
            if name and _tells_apart(texts, sum(one in texts for one in ones), self._rows):
                return name
        return next((name for name, ones in self._lasts.items() if len(ones) == self._rows and _recur(ones)), None)

    def texts(self, column: str) -> set[str]:
        """The texts that a first column has; numbers count where they are those of processors or connections."""
        ones = self._firsts.get(column, [])
        texts = {one for one in ones if cell(one) is None and _LETTER.search(one)}
        if texts == {"all"} or (not texts and column.lower() in _NUMBERED_PARTS and _recur(ones)):
            texts.update(one for one in ones if one.isdigit())
        elif column == CONNECTION and _recur(ones):
            texts.update(ones)
        return texts


def _recur(texts: Sequence[str]) -> bool:
    """Whether what a column holds comes again and again, and there are several: CPU 0, 1, 0, 1."""
    counts = Counter(texts)
    return len(counts) > 1 and min(counts.values()) > 1


_NUMBERED_PARTS = frozenset("cpu core gpu socket node thread".split())  # of a machine: their numbers count nothing
_WHAT = frozenset("command process program container device".split())  # last columns that say what a row is about


def _first_cell(cells: Mapping[str, str]) -> tuple[str, str]:
    """The first cell of a row and its column's name; a time of day, or a word that is in the header, is before it."""
    named = ((name, one) for name, one in cells.items() if name != one and not _CLOCK.search(f"{name} {one}"))
    return next(((name, one) for name, one in named if name != table_cells.INDEX or not one.isdigit()), ("", ""))


def _tells_apart(texts: set[str], counted: int, rows: int) -> bool:
    """Whether the texts of a first column tell the rows apart, and do not only say when each was written."""
    intervals = all(_INTERVAL.match(text) for text in texts)
    marks = sum(len(text) < _WORD for text in texts) * 2 > len(texts) and not any(map(str.isdigit, texts))
    return len(texts) > 1 and not intervals and not marks and counted >= max(2, rows - 1)


_CLOCK = re.compile(r"\d:\d\d")
_LETTER = re.compile(r"[^\W_]")
_WORD = 3  # letters; fewer are a mark
_INTERVAL = re.compile(r"\d+(?:\.\d+)?-\s*\d+(?:\.\d+)?\b")
