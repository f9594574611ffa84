"""Packs bins for the way to the browser: a head in JSON, then two or three bytes for each value. Pure.

A value is sent as one of 65,535 steps from the lowest to the highest value of its line, which is finer than any screen.
On a log axis that would be coarse near zero, so lines that span more than two decades are sent as float32 without its
lowest byte.
"""

from __future__ import annotations

import json
import math
import sys
from array import array
from collections.abc import Iterable, Mapping
from typing import Any

from wandb_logging._dataclass import dataclass
from wandb_logging._page.bins import Grid, Placed

_GAP = 65535
_STEPS = 65534
_RATIO = 256  # largest ratio of the value furthest from zero to the nearest for which steps are used
_HUGE, _TINY = 1e38, 1e-30  # float32 holds numbers between these


@dataclass(frozen=True)
class Line:
    """The values of one metric in one run.

    Attributes:
        run: the run's key.
        metric: the number that stands for the metric's name.
        placed: the bins on the metric's grid.
        exact: whether all of the run was read. If only a sample was, each bin has one value.
    """

    run: int
    metric: int
    placed: Placed
    exact: bool


def packed(head: Mapping[str, Any], grids: Mapping[int, Grid], lines: Iterable[Line]) -> bytes:
    """Pack bins: the length of the head, the head in JSON, the lines sent as float32, the lines sent as steps."""
    series: list[list[Any]] = []
    floats, steps = array("f"), array("H")
    for line in lines:
        placed = line.placed
        about = [line.run, line.metric, placed.start, len(placed.mean), int(line.exact)]
        columns = [placed.low, placed.mean, placed.high] if line.exact else [placed.mean]
        if in_steps(placed.lowest, placed.highest):
            series.append([*about, placed.lowest, placed.highest])
            for column in columns:
                steps.extend(_steps_of(column, placed.lowest, placed.highest))
        else:
            series.append([*about, None, None])
            for column in columns:
                floats.extend(array("f", column))
    places = {metric: [math.ldexp(1, grid.exponent), grid.first, grid.size] for metric, grid in grids.items()}
    told = json.dumps({**head, "grids": places, "floats": len(floats), "series": series}).encode()
    return b"".join([len(told).to_bytes(4, "little"), told, *_planes(floats, 3), *_planes(steps, 2)])


def in_steps(lowest: float, highest: float) -> bool:
    """Whether to send a line as steps: they are fine enough for a log axis, or float32 cannot hold its values."""
    least, most = sorted((abs(lowest), abs(highest)))
    return ((lowest > 0) == (highest > 0) and most <= _RATIO * least) or not _TINY < most < _HUGE


def _steps_of(values: Iterable[float], lowest: float, highest: float) -> list[int]:
    if math.isinf(highest - lowest):
        values, lowest, highest = (value / 2 for value in values), lowest / 2, highest / 2
    scale = _STEPS / (highest - lowest) if highest > lowest else 0.0
    return [_GAP if value != value else int((value - lowest) * scale + 0.5) for value in values]


def _planes(values: array[Any], most: int) -> list[bytes]:
    """The upper bytes of all values: first all highest bytes, then all second ones. So similar bytes are together."""
    data, size = values.tobytes(), values.itemsize
    order = range(size) if sys.byteorder == "big" else range(size - 1, -1, -1)
    return [data[byte::size] for byte in order[:most]]
