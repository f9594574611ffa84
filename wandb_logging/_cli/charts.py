"""Shows metrics of a run in the terminal: a chart of each, a line for a flat one, or a table of all."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Union

from wandb_logging._cli.output import Line, draws, width
from wandb_logging._cli.text import brief, padded, table
from wandb_logging._dataclass import dataclass
from wandb_logging._values.nested import leaves
from wandb_logging._values.terminal_text import clean, columns, cut
from wandb_logging._wording import counted

_CHART_LINES = 14
_NARROWEST = 60  # least columns of a chart that has another beside it
_WIDEST = 120
_GAP = 2
_NUMBERS = frozenset({int, float})
_SCALARS = _NUMBERS | {str, bool, type(None)}
_TOO_FAR = "too far apart to draw"
_ENOUGH = 4000  # points of a curve: more than a terminal can show
_PIECE = 4  # points of which two stay where there are too many

Number = Union[int, float]
Point = tuple[float, float]
Points = list[Point]


@dataclass
class Curve:
    """A metric over the steps.

    Attributes:
        points: pairs of step and value. If there are very many, only the first is kept, and of each group of as many
            that follow the lowest and the highest. NaN and infinities cannot be drawn and are left out.
        last: the latest value, also one that cannot be drawn.
        count: number of all values.
        drawn: number of values that can be drawn.
        end: the latest point that can be drawn.
        group: how many values two points stand for; 1 if each value has a point of its own.
        inside: how many values the last two points stand for so far.
    """

    points: Points = field(default_factory=list)
    last: Number = math.nan
    count: int = 0
    drawn: int = 0
    end: Point | None = None
    group: int = 1
    inside: int = 1

    def add(self, step: float, value: Number) -> None:
        """Add the next value."""
        self.last = value
        self.count += 1
        if math.isfinite(value):
            self.drawn += 1
            self.end = (step, float(value))
            self._put(self.end)

    def _put(self, point: Point) -> None:
        points = self.points
        if self.inside == self.group and len(points) > _ENOUGH:
            rest = points[1:]
            points[1:] = [kept for at in range(0, _ENOUGH, _PIECE) for kept in ends(rest[at : at + _PIECE])]
            self.inside = self.group = _PIECE if self.group == 1 else 2 * self.group
        if self.group == 1:
            points.append(point)
        elif self.inside == self.group:
            points += (point, point)
            self.inside = 1
        else:
            self.inside += 1
            points[-2:] = ends([*points[-2:], point])

    def shape(self, most: int) -> Points:
        """About so many points that look the same from afar: see `thinned`."""
        more = [self.end] if self.end is not None and self.end != self.points[-1] else []
        return thinned([*self.points, *more], most)

    @property
    def level(self) -> bool:
        """Whether a chart would show nothing: there is no value, only one, or all are the same."""
        return len({value for _, value in self.points}) < 2

    @property
    def words(self) -> str:
        """The text that follows the metric's name."""
        left_out = self.count - self.drawn
        return f"last {brief(self.last, 12)}" + (f", {left_out} not finite" if left_out else "")


def series(rows: Iterable[Mapping[str, Any]]) -> dict[str, Curve]:
    """The curve of each metric that has numbers, by name."""
    curves = Curves()
    curves.add(rows)
    return curves.found


class Curves:
    """The curves of metrics. Memory does not grow with the number of rows.

    Args:
        wanted: says whether a metric is drawn, given its name and how many are drawn already. Of others only the name
            is kept.

    Attributes:
        found: the curves that are drawn, by name.
        names: names of all metrics with numbers, in the order in which they came.
    """

    def __init__(self, wanted: Callable[[str, int], bool] = lambda _name, _drawn: True) -> None:
        self.found: dict[str, Curve] = {}
        self.names: dict[str, None] = {}
        self._wanted = wanted
        self._drawn: dict[str, Curve | None] = {}

    def add(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Add rows, in order."""
        drawn = self._drawn
        for row in rows:
            step = float(row["_step"])
            for name, value in row.items() if _SCALARS.issuperset(map(type, row.values())) else leaves(row):
                if type(value) not in _NUMBERS:
                    continue
                if name not in drawn:
                    drawn[name] = self._first(name)
                curve = drawn[name]
                if curve is not None:
                    curve.add(step, _within_float(value))

    def _first(self, name: str) -> Curve | None:
        """Begin the curve of a new metric. Returns None if it is not to be drawn."""
        if name.startswith("_"):
            return None
        self.names[name] = None
        if self._wanted(name, len(self.found)):
            self.found[name] = Curve()
        return self.found.get(name)


def _within_float(value: Number) -> Number:
    try:
        float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
    return value


def ends(points: Points) -> Points:
    """Of some points, that with the lowest and that with the highest value, in their order; one may be both."""
    return sorted([min(points, key=_value), max(points, key=_value)])


def _value(point: Point) -> float:
    return point[1]


def thinned(points: Points, most: int) -> Points:
    """About `most` points at most that look the same from afar: both ends, and the lowest and highest of each group."""
    size = math.ceil(2 * len(points) / most)
    if size <= 2:
        return points
    groups = (points[at : at + size] for at in range(0, len(points), size))
    kept = [point for group in groups for point in dict.fromkeys(ends(group))]
    return [*points[: kept[0] != points[0]], *kept, *points[len(points) - (kept[-1] != points[-1]) :]]


def charts(metrics: Mapping[str, Curve]) -> list[Line]:
    """A line for each flat metric and a chart for each other one; a table of all if nothing can be drawn."""
    if not draws():
        return metric_table(metrics)
    try:
        import plotext  # noqa: PLC0415  an extra, and slow to import
    except ImportError:
        return [*metric_table(metrics), "", "For charts: pip install 'wandb-logging[cli]'"]
    lines = list(level_lines({name: curve for name, curve in metrics.items() if curve.level}))
    drawn = {name: curve for name, curve in metrics.items() if not curve.level}
    across, size = layout(width(), len(drawn))
    blocks = [_chart(plotext, clean(name), curve, size) for name, curve in drawn.items()]
    for at in range(0, len(blocks), across):
        lines += [""] * bool(lines) + beside(blocks[at : at + across], size)
    return [*lines]


def fitting(metrics: Mapping[str, Curve], room: int) -> dict[str, Curve]:
    """As many of the first metrics as `charts` shows in so many lines, but at least one."""
    kept: dict[str, Curve] = {}
    level = 0
    for name, curve in metrics.items():
        level += curve.level
        number = len(kept) + 1 - level
        rows = math.ceil(number / layout(width(), number)[0])
        if kept and level + rows * (_CHART_LINES + 1) - (level == 0) > room:
            break
        kept[name] = curve
    return kept


def layout(room: int, number: int) -> tuple[int, int]:
    """How many of `number` charts stand side by side in `room` columns, and how many columns wide each is."""
    across = 2 if number > 1 and room >= 2 * _NARROWEST + _GAP else 1
    return across, min((room - _GAP * (across - 1)) // across, _WIDEST)


def beside(blocks: Sequence[Sequence[str]], size: int) -> list[str]:
    """Put blocks of lines side by side."""
    rows = itertools.zip_longest(*blocks, fillvalue="")
    return [(" " * _GAP).join(padded(line, size) for line in row).rstrip() for row in rows]


def level_lines(metrics: Mapping[str, Curve]) -> Iterable[str]:
    """A line for each metric for which a chart would show nothing."""
    names = {name: cut(clean(name), 40) for name in metrics}
    longest = max(map(columns, names.values()), default=0)
    for name, curve in metrics.items():
        over = f" at all {counted(curve.drawn, 'point')}" if curve.drawn > 1 else ""
        steps = f" (step {int(curve.points[0][0])})" if curve.drawn == curve.count == 1 else ""
        yield f"{padded(names[name], longest)}  {curve.words}{over}{steps}"


def _chart(plotext: Any, name: str, curve: Curve, size: int) -> list[str]:
    points = curve.shape(4 * size)
    steps, values = [point[0] for point in points], [point[1] for point in points]
    _begin_chart(plotext, size)
    plotext.plot(steps, values, marker="hd")
    words = curve.words
    plotext.title(f"{cut(name, max(8, size - len(words) - 12))}  {words}")
    lines = _lines_of(plotext, min(steps), max(steps))
    return lines or [cut(f"{cut(name, max(8, size - len(words) - 22))}  {words}, {_TOO_FAR}", size)]


def _begin_chart(plotext: Any, size: int) -> None:
    plotext.clear_figure()
    plotext.limit_size(False, False)  # noqa: FBT003  width and height, of a terminal it would ask for itself
    plotext.plot_size(size, _CHART_LINES)
    plotext.theme("clear")


def _lines_of(plotext: Any, first: float, last: float) -> list[Any]:
    """The chart as lines, with ticks between the first and the last step; none if plotext cannot draw it.

    It cannot where the range of values is near to that of all floats, as that of a loss which explodes.
    """
    ticks = sorted({round(first + part * (last - first) / 4) for part in range(5)})
    plotext.xticks(ticks, [str(tick) for tick in ticks])
    try:
        built = plotext.build()
    except (ValueError, ArithmeticError):
        return []
    return [line.rstrip() for line in plotext.uncolorize(built).splitlines()]


def overlaid(name: str, curves: Mapping[str, Curve]) -> list[Line]:
    """One chart of a metric in several runs, each drawn with its letter; a table if nothing can be drawn."""
    drawn = {letter: curve for letter, curve in curves.items() if curve.points}
    try:
        import plotext  # noqa: PLC0415  as in `charts`
    except ImportError:
        plotext = None
    if not drawn or plotext is None or not draws():
        return metric_table({f"{letter} {name}": curve for letter, curve in curves.items()})
    size = min(width(), _WIDEST)
    _begin_chart(plotext, size)
    ends: list[float] = []
    for letter, curve in drawn.items():
        points = curve.shape(2 * size)
        ends += [points[0][0], points[-1][0]]
        plotext.plot([point[0] for point in points], [point[1] for point in points], marker=letter)
    words = ", ".join(f"{letter} {brief(curve.last, 10)}" for letter, curve in drawn.items())
    plotext.title(cut(f"{cut(clean(name), max(8, size - len(words) - 18))}  last: {words}", size - 10))
    lines = _lines_of(plotext, min(ends), max(ends))
    return lines or metric_table({f"{letter} {name}": curve for letter, curve in curves.items()})


def metric_table(metrics: Mapping[str, Curve]) -> list[Line]:
    """A table of what can be said of metrics without drawing."""
    rows = []
    for name, curve in metrics.items():
        values = [value for _, value in curve.points] or [curve.last]
        numbers = (values[0], min(values), max(values), curve.last)
        rows.append([clean(name), str(curve.count), *(brief(number, 12) for number in numbers)])
    return table([["METRIC", "POINTS", "FIRST", "LOWEST", "HIGHEST", "LAST"], *rows], width())
