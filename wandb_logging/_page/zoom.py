"""Reads a part of a run again from the nearest mark: for finer bins between two values, or for the row at a point."""

from __future__ import annotations

import threading
import time
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator
from typing import Any

from wandb_logging._page.bins import Bins, Row, fitting, of_row
from wandb_logging._page.exact import Exact, again
from wandb_logging._page.runs import Run

_KEPT = 64  # number of parts that are remembered, because all charts ask for the same ones
_SECONDS = 2.0
_TIMES = frozenset({"_step", "_runtime", "_timestamp"})  # axes along which rows are in order


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
        if rows and axis in _TIMES and rows[-1][axis] > high:
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
    if axis not in _TIMES:
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
        if rows and axis in _TIMES and rows[-1][axis] > at and best is not None:
            break
    return best
