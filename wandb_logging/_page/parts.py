"""Reads a part of a run again from the nearest mark: for finer bins between two values, the row at a point, text."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from wandb_logging._fold.told import Text
from wandb_logging._page.bins import AXES, Bins, Row, fitting, of_row
from wandb_logging._page.exact import Exact, again
from wandb_logging._page.runs import Run
from wandb_logging._values.json_lines import holds, readable

_KEPT = 64  # number of parts that are remembered, because all charts ask for the same ones
_SECONDS = 2.0
_LEVELS = {"DEBUG": 10, "INFO": 20, "stdout": 20, "WARNING": 30, "WARN": 30, "stderr": 30, "ERROR": 40, "CRITICAL": 50}
_READS_TEXT = 1.0  # most seconds that text is looked for
MOST_LINES = 2000
_CHARS = 20_000


class Zoom:
    """Remembers the latest parts of runs that were read again."""

    def __init__(self) -> None:
        self._parts: OrderedDict[tuple[Any, ...], Bins] = OrderedDict()
        self._lock = threading.Lock()

    def bins(self, run: Run, axis: str, low: float, high: float, most: int) -> tuple[Bins | None, bool]:
        """The bins of a run between two values, as fine as `most` bins need if possible, and whether they are exact."""
        bins, exact = run.bins(axis)
        reading = run.readings.get(axis)
        if bins is None or reading is None or bins.exponent is None or high < bins.low or low > bins.high:
            return bins, exact
        if fitting(low, high, most) >= bins.exponent or (axis == "_step" and bins.exponent == 0):
            return bins, exact
        key = (run.key, axis, low, high, most, run.version)
        with self._lock:
            if key not in self._parts:
                part, whole = _read(run, reading, axis, low, high)
                if not whole:
                    return bins, False
                self._parts[key] = part
                while len(self._parts) > _KEPT:
                    self._parts.popitem(last=False)
            return self._parts[key], True


def _read(run: Run, exact: Exact, axis: str, low: float, high: float) -> tuple[Bins, bool]:
    part = Bins(axis)
    part.expect(low, high)
    until = time.monotonic() + _SECONDS
    for rows in rows_from(run, exact, axis, low):
        part.add(row for row in rows if _between(of_row(row, axis), low, high))
        if rows and axis in AXES and rows[-1][axis] > high:
            break
        if time.monotonic() > until:
            return part, False
    return part, True


def _between(x: object, low: float, high: float) -> bool:
    return isinstance(x, (int, float)) and low <= x <= high


def rows_from(run: Run, exact: Exact, axis: str, low: float) -> Iterator[list[dict[str, Any]]]:
    """The rows of a run from a value of an axis on, a chunk at a time. Some rows before it may be among them."""
    if not exact.marks:
        return
    for told in again(run.run_dir, exact, _mark_before(exact, axis, low)):
        yield told.rows


def _mark_before(exact: Exact, axis: str, low: float) -> int:
    if axis not in AXES:
        return 0
    known = [(mark.x, place) for place, mark in enumerate(exact.marks) if mark.x is not None]
    place = bisect_right([x for x, _ in known], low) - 1
    return known[place][1] if place >= 0 else 0


def nearest(run: Run, exact: Exact, axis: str, at: float, metric: str) -> Row | None:
    """The row that holds a metric and is nearest to a value of an axis."""
    best: Row | None = None
    for rows in rows_from(run, exact, axis, at):
        for row in rows:
            x = of_row(row, axis)
            if not isinstance(x, (int, float)) or of_row(row, metric) is None:
                continue
            if best is None or abs(x - at) < abs(of_row(best, axis) - at):
                best = row
        if rows and axis in AXES and rows[-1][axis] > at and best is not None:
            break
    return best


def text_page(run: Run, exact: Exact, first: int, most: int, *, level: int = 0, words: str = "") -> dict[str, Any]:
    """Lines of a run.

    Args:
        first: number of the first line; a negative number counts from the end.
        most: most lines.
        level: a level of `logging`; lines below it are left out.
        words: lines without these words are left out, whatever the case. `user=bo fold=3` means fields of JSON lines.
    """
    total = exact.state.lines
    first = max(0, total + first) if first < 0 else first
    until = time.monotonic() + _READS_TEXT
    lines: list[dict[str, Any]] = []
    following = first
    for texts in _texts(run, exact, first):
        for number in sorted(texts):
            text = texts[number]
            rank = level_of(text)
            if number >= first and rank >= level and holds(text.text, words):
                shown_as = "\n".join(readable(text.text, named=False))
                lines.append({"number": number, **asdict(text), "rank": rank, "text": shown_as[:_CHARS]})
            following = max(following, number + 1)
        if len(lines) >= most or time.monotonic() > until:
            break
    latest = {line["number"]: line for line in lines}  # of a line that was overwritten the latest form counts
    shown = [latest[number] for number in sorted(latest)][:most]
    if len(latest) > most:
        following = shown[-1]["number"] + 1
    return {"lines": shown, "next": following, "total": total}


def level_of(text: Text) -> int:
    """The level of a line as a number. A line that counts as an error has the level of an error."""
    return max(_LEVELS.get(text.level, 20), 40 if text.error and text.level not in {"stderr", "CRITICAL"} else 0)


def _texts(run: Run, exact: Exact, first: int) -> Iterator[dict[int, Text]]:
    if exact.marks:
        place = bisect_right([mark.line for mark in exact.marks], first) - 1
        for told in again(run.run_dir, exact, max(0, place)):
            yield told.texts
