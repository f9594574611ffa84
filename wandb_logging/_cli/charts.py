"""Metrics of a run for the eye: a chart of each, or a table of all."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from wandb_logging._cli.output import draws, width
from wandb_logging._cli.text import brief, clean, table

_CHART_LINES = 14


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    """Names with dots and their values, out of nested mappings. Media and histograms (`_type`) stay whole."""
    for name, value in values.items():
        if isinstance(value, dict) and value and "_type" not in value:
            yield from flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


Points = list[tuple[float, float]]


def series(rows: Iterable[Mapping[str, Any]]) -> dict[str, Points]:
    """The numbers of each metric with their steps. NaN and infinities cannot be drawn and are left out."""
    found: dict[str, Points] = {}
    for row in rows:
        for name, value in flat(row):
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            if number and not name.startswith("_") and math.isfinite(value):
                found.setdefault(name, []).append((float(row["_step"]), float(value)))
    return found


def thinned(points: Points, most: int) -> Points:
    """At most about `most` points that look the same from afar: of each group the lowest and the highest."""
    size = math.ceil(2 * len(points) / most)
    if size <= 2:
        return points
    groups = (points[at : at + size] for at in range(0, len(points), size))
    picked = ({min(group, key=lambda point: point[1]), max(group, key=lambda point: point[1])} for group in groups)
    return [point for group in picked for point in sorted(group)]


def charts(metrics: Mapping[str, Points]) -> list[str]:
    """A chart of each metric; where there is nothing to draw with, a table of all."""
    if not draws():
        return metric_table(metrics)
    try:
        import plotext  # noqa: PLC0415  an extra, and slow to import
    except ImportError:
        return [*metric_table(metrics), "", "For charts: pip install 'wandb-logging[cli]'"]
    columns = min(width(), 120)
    charts = [_chart(plotext, clean(name), thinned(points, 4 * columns), columns) for name, points in metrics.items()]
    return "\n\n".join(charts).splitlines()


def _chart(plotext: Any, name: str, points: Points, columns: int) -> str:
    steps, values = [point[0] for point in points], [point[1] for point in points]
    plotext.clear_figure()
    plotext.limit_size(False, False)  # noqa: FBT003  width and height, of a terminal it would ask for itself
    plotext.plot_size(columns, _CHART_LINES)
    plotext.theme("clear")
    # One point, or a flat line of points, is no line.
    (plotext.plot if len(points) > 1 else plotext.scatter)(steps, values, marker="hd")
    plotext.title(f"{name}  last {brief(values[-1], 12)}")
    ticks = sorted({round(min(steps) + part * (max(steps) - min(steps)) / 4) for part in range(5)})
    plotext.xticks(ticks, [str(tick) for tick in ticks])
    lines = plotext.uncolorize(plotext.build()).splitlines()
    return "\n".join(line.rstrip() for line in lines)


def metric_table(metrics: Mapping[str, Points]) -> list[str]:
    """What can be said of metrics without drawing."""
    rows = []
    for name, points in metrics.items():
        values = [value for _, value in points]
        numbers = (values[0], min(values), max(values), values[-1])
        rows.append([clean(name), str(len(values)), *(brief(number, 12) for number in numbers)])
    return table([["METRIC", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"], *rows])
