"""Reduces many points to few bins: count, mean, lowest and highest value of a metric on a grid. No I/O.

The width of a bin is a power of two, and a bin begins at a multiple of its width. So the grids of any two runs fit into
each other, and two bins make exactly one of the next width. A grid only ever gets coarser: no spike is lost, however
long a run becomes.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from itertools import groupby, islice
from operator import add, le, lt
from typing import Any

from wandb_logging._dataclass import dataclass

MOST = 512  # most bins of a metric
_FEWEST = 32
_FEW = 16  # number of bins up to which a loop over them is faster than what is done a column at a time
_CELLS = 200_000  # most bins of all metrics of one run: the more metrics, the fewer bins each has
_FINEST = -40  # the least width is 2**-40: below a microsecond, and a time since 1970 still is a whole number of bins
_NUMBERS = frozenset({int, float})
AXES = ("_step", "_timestamp", "_runtime")  # along which rows are in order
_INFINITY = math.inf

Row = Mapping[str, Any]
Place = tuple[int, slice]
"""The number of a bin, and which of some values are in it."""
_ALL = slice(None)
_FIGURES: tuple[Any, ...] = (sum, min, max)


@dataclass
class Series:
    """The bins of one metric that are not empty, in order.

    Attributes:
        at: number of each bin: the place where it begins, divided by the width.
        n, total, low, high: for each bin: how many values it holds, their sum, the lowest and the highest.
        count, last, lowest, highest: the same figures over all finite values.
        bad: how many values are not finite.
    """

    at: array[int] = field(default_factory=lambda: array("q"))
    n: array[int] = field(default_factory=lambda: array("q"))
    total: array[float] = field(default_factory=lambda: array("d"))
    low: array[float] = field(default_factory=lambda: array("d"))
    high: array[float] = field(default_factory=lambda: array("d"))
    count: int = 0
    last: float = math.nan
    lowest: float = _INFINITY
    highest: float = -_INFINITY
    bad: int = 0

    def put(self, at: int, n: int, total: float, low: float, high: float) -> None:
        """Add values to a bin."""
        if not self.at or at > self.at[-1]:
            self.at.append(at)
            self.n.append(n)
            self.total.append(total)
            self.low.append(low)
            self.high.append(high)
            return
        place = bisect_left(self.at, at)
        if self.at[place] == at:
            self.n[place] += n
            self.total[place] += total
            self.low[place] = min(self.low[place], low)
            self.high[place] = max(self.high[place], high)
        else:
            for kept, value in zip(self.columns, (at, n, total, low, high)):
                kept.insert(place, value)

    def extend(self, ats: Sequence[int], *columns: Sequence[Any]) -> None:
        """Add values to several bins: for each bin what `put` takes."""
        rising = all(map(lt, ats, islice(ats, 1, None)))
        known = bisect_right(ats, self.at[-1]) if self.at and rising else 0 if rising else len(ats)
        for one in zip(ats[:known], *columns):
            self.put(*one)
        for kept, column in zip(self.columns, (ats, *columns)):
            kept.extend(column[known:])

    def note(self, n: int, low: float, high: float, last: float) -> None:
        """Add values to the figures over all values."""
        self.count += n
        self.last = last
        self.lowest = min(self.lowest, low)
        self.highest = max(self.highest, high)

    @property
    def columns(self) -> tuple[array[Any], ...]:
        """The arrays that hold the bins."""
        return self.at, self.n, self.total, self.low, self.high

    def coarser(self, shift: int) -> Series:
        """The same series with bins `2**shift` times as wide."""
        series = self
        while shift and len(series.at) > _FEW and series.at[-1] - series.at[0] + 1 == len(series.at):
            series, shift = Series._halved(series), shift - 1
        return Series._grouped(series, shift) if shift else series

    def _halved(self) -> Series:
        """The same series with bins twice as wide, if no bin between the first and the last is empty."""
        odd = self.at[0] & 1
        pairs = [
            [*column[:odd], *map(put, column[odd::2], column[odd + 1 :: 2])]
            for put, column in ((add, self.n), (add, self.total), (min, self.low), (max, self.high))
        ]
        if (len(self.at) - odd) & 1:
            for pair, column in zip(pairs, self.columns[1:]):
                pair.append(column[-1])
        at = range(self.at[0] >> 1, (self.at[-1] >> 1) + 1)
        return self._with(at, *pairs)

    def _grouped(self, shift: int) -> Series:
        cells = [list(places) for _, places in groupby(range(len(self.at)), key=lambda place: self.at[place] >> shift)]
        spans = [slice(places[0], places[-1] + 1) for places in cells]
        return self._with(
            [self.at[places[0]] >> shift for places in cells],
            [sum(self.n[span]) for span in spans],
            [sum(self.total[span]) for span in spans],
            [min(self.low[span]) for span in spans],
            [max(self.high[span]) for span in spans],
        )

    def _with(self, at: Iterable[int], *columns: Sequence[Any]) -> Series:
        n, total, low, high = (array(kept.typecode, column) for kept, column in zip(self.columns[1:], columns))
        return replace(self, at=array("q", at), n=n, total=total, low=low, high=high)


def _columns_of(series: Series) -> dict[str, Any]:
    return {name: getattr(series, name)[:] for name in ("at", "n", "total", "low", "high")}


@dataclass
class Bins:
    """The bins of all metrics of a run over one axis.

    Attributes:
        axis: name of the x axis: `_step`, `_runtime`, `_timestamp` or a metric.
        exponent: a bin is 2**exponent wide; None while there is no bin.
        low, high: the least and the greatest x so far.
        series: the series of each metric, by name.
        most: most bins that a metric may have.
    """

    axis: str = "_step"
    exponent: int | None = None
    low: float = _INFINITY
    high: float = -_INFINITY
    series: dict[str, Series] = field(default_factory=dict)
    most: int = MOST

    def expect(self, low: float, high: float) -> None:
        """Choose a width that fits x from `low` to `high`, so that fewer bins have to be merged later."""
        if self.exponent is None and low <= high:
            self.exponent = fitting(low, high, self.most, self._finest)

    @property
    def _finest(self) -> int:
        return 0 if self.axis == "_step" else _FINEST

    @property
    def cells(self) -> int:
        """Number of bins of all metrics together."""
        return sum(len(series.at) for series in self.series.values())

    def copy(self) -> Bins:
        """An independent copy of the bins."""
        kept = {name: replace(series, **_columns_of(series)) for name, series in self.series.items()}
        return replace(self, series=kept)

    def add(self, rows: Iterable[Row]) -> None:
        """Add the metrics of rows; nested ones are named by dotted paths. Rows without a finite x are left out."""
        kept = list(rows)
        self.put([of_row(row, self.axis) for row in kept], kept)

    def put(self, xs: Sequence[Any], kept: Sequence[Row]) -> None:
        """As `add`, for rows whose x stand beside them."""
        if not _are_finite(xs):
            proper = [(x, row) for x, row in zip(xs, kept) if _are_finite([x])]
            xs, kept = [x for x, _ in proper], [row for _, row in proper]
        if not kept:
            return
        in_order = all(map(le, xs, islice(xs, 1, None)))
        self.low, self.high = (
            min(self.low, xs[0] if in_order else min(xs)),
            max(self.high, xs[-1] if in_order else max(xs)),
        )
        self._fit()
        first = 0
        for names, group in groupby(kept, key=tuple):
            alike = list(group)
            places = list(self._places(xs[first : first + len(alike)], in_order=in_order))
            for name, column in zip(names, zip(*[row.values() for row in alike])):
                if name not in AXES:
                    self._add_column(name, column, places)
            first += len(alike)

    def _places(self, xs: Sequence[float], *, in_order: bool) -> Iterator[Place]:
        """Group consecutive x that fall into one bin: the bin's number, and which they are."""
        assert self.exponent is not None
        width, first = 2.0**self.exponent, 0
        while first < len(xs):
            at = math.floor(xs[first] / width)
            if in_order:
                end = bisect_left(xs, (at + 1) * width, first + 1)
            else:
                end = next((i for i in range(first + 1, len(xs)) if math.floor(xs[i] / width) != at), len(xs))
            yield at, slice(first, end)
            first = end

    def _fit(self) -> None:
        if len(self.series) * self.most > _CELLS and self.most > _FEWEST:
            self.most = max(_FEWEST, 2 ** ((_CELLS // len(self.series)).bit_length() - 1))
        if self.exponent is None:
            self.exponent = fitting(self.low, self.high, self.most, self._finest)
        wider = fitting(self.low, self.high, self.most, self.exponent) - self.exponent
        if wider:
            self.exponent += wider
            self.series = {name: series.coarser(wider) for name, series in self.series.items()}

    def _add_column(self, name: str, column: Sequence[Any], places: Sequence[Place]) -> None:
        """Add values of a metric: all at once if all are finite numbers, else those of each bin, at last each."""
        figures = _figures(column, places) if len(column) > 1 else None
        if figures is not None:
            series = self._of(name)
            series.extend([at for at, _ in places], *figures)
            series.note(len(column), min(figures[2]), max(figures[3]), float(column[-1]))
        elif len(places) > 1:
            for at, some in places:
                self._add_column(name, column[some], [(at, _ALL)])
        else:
            for value in column:
                self._add_value(name, places[0][0], value)

    def _add_value(self, name: str, at: int, value: Any) -> None:
        if type(value) in _NUMBERS:
            try:
                number = float(value)
            except OverflowError:
                number = math.inf
            if math.isfinite(number):
                series = self._of(name)
                series.put(at, 1, number, number, number)
                series.note(1, number, number, number)
            else:
                self._of(name).bad += 1
        elif isinstance(value, dict) and "_type" not in value:
            for inner, part in value.items():
                self._add_value(f"{name}.{inner}", at, part)

    def _of(self, name: str) -> Series:
        series = self.series.get(name)
        if series is None:
            series = self.series[name] = Series()
        return series


def _figures(column: Sequence[Any], places: Iterable[Place]) -> list[list[Any]] | None:
    """How many values are in each place, their sum, the lowest and the highest; None if not all are finite numbers."""
    if not _NUMBERS.issuperset(map(type, column)):
        return None
    parts = [column[some] for _, some in places]
    try:
        totals, lows, highs = ([*map(float, map(figure, parts))] for figure in _FIGURES)
    except OverflowError:
        return None
    return [[*map(len, parts)], totals, lows, highs] if all(map(math.isfinite, totals)) else None


def _are_finite(values: Sequence[Any]) -> bool:
    """Whether all are finite numbers. Numbers so large that their sum is not finite count as none, all together."""
    try:
        return _NUMBERS.issuperset(map(type, values)) and math.isfinite(sum(values))
    except OverflowError:
        return False


def of_row(row: Row, axis: str) -> Any:
    """The value of a metric in a row, by its name or its dotted path."""
    value = row.get(axis)
    if value is None and "." in axis and axis not in row:
        value = row
        for part in axis.split("."):
            value = value.get(part) if isinstance(value, dict) else None
    return value


def fitting(low: float, high: float, most: int, exponent: int = _FINEST) -> int:
    """The least exponent, from `exponent` on, with which the range from `low` to `high` takes at most `most` bins."""
    # The numbers of bins have to stay whole numbers that a float holds exactly.
    exponent = max(exponent, math.frexp(max(abs(low), abs(high)))[1] - 52)
    if high > low:
        span = high / most - low / most
        exponent = max(exponent, math.frexp(span)[1] - 1 if span else exponent)
    while bin_of(high, exponent) - bin_of(low, exponent) >= most:
        exponent += 1
    return exponent


def bin_of(x: float, exponent: int) -> int:
    """The number of the bin that holds a value."""
    return math.floor(math.ldexp(float(x), -exponent))


@dataclass(frozen=True)
class Grid:
    """Where the bins of a chart are.

    Attributes:
        exponent: the bins are 2**exponent wide.
        first: number of the first bin.
        size: how many there are.
    """

    exponent: int
    first: int
    size: int


def common(all_bins: Iterable[Bins], most: int, low: float = -_INFINITY, high: float = _INFINITY) -> Grid | None:
    """The finest grid for all `all_bins` from `low` to `high` with at most `most` bins; None if there are no bins."""
    some = [bins for bins in all_bins if bins.exponent is not None and bins.high >= low and bins.low <= high]
    if not some:
        return None
    low = max(low, min(bins.low for bins in some))
    high = min(high, max(bins.high for bins in some))
    exponent = fitting(low, high, most, max(bins.exponent or 0 for bins in some))
    first = bin_of(low, exponent)
    return Grid(exponent, first, bin_of(high, exponent) - first + 1)


def grids_of(
    all_bins: Sequence[Bins], names: Iterable[str], most: int, low: float = -_INFINITY, high: float = _INFINITY
) -> dict[str, Grid]:
    """The grid of each metric, as `common` finds it. Only runs that have the metric count for its grid."""
    found = {name: common([bins for bins in all_bins if name in bins.series], most, low, high) for name in names}
    return {name: grid for name, grid in found.items() if grid is not None}


@dataclass(frozen=True)
class Placed:
    """A metric's values on a grid.

    Attributes:
        start: index on the grid of the first bin.
        low, mean, high: lowest, mean and highest value of each bin from there on; NaN for an empty bin.
        lowest, highest: over all bins.
    """

    start: int
    low: array[float]
    mean: array[float]
    high: array[float]
    lowest: float
    highest: float


def on_grid(bins: Bins, name: str, grid: Grid) -> Placed | None:
    """A metric's values on a grid; None if there are none."""
    series = bins.series.get(name)
    if series is None or bins.exponent is None or not series.at:
        return None
    if bins.exponent > grid.exponent:  # the bins became coarser after the grid was made; the page will be told of that
        return None
    wide = series.coarser(grid.exponent - bins.exponent)
    begin, end = bisect_left(wide.at, grid.first), bisect_left(wide.at, grid.first + grid.size)
    if begin == end:
        return None
    start, size = wide.at[begin], wide.at[end - 1] - wide.at[begin] + 1
    some = slice(begin, end)
    means = array("d", [total / n for total, n in zip(wide.total[some], wide.n[some])])
    low, high = wide.low[some], wide.high[some]
    ends = min(low), max(high)
    if not all(map(math.isfinite, means)):  # a sum was too large for a float
        sums = zip(means, low, high)
        means = array("d", [mean if math.isfinite(mean) else least / 2 + most / 2 for mean, least, most in sums])
    if size != end - begin:
        places = [at - start for at in wide.at[some]]
        low, means, high = (_spread(column, places, size) for column in (low, means, high))
    return Placed(start - grid.first, low, means, high, *ends)


def _spread(values: array[float], places: Sequence[int], size: int) -> array[float]:
    spread = array("d", [math.nan]) * size
    for place, value in zip(places, values):
        spread[place] = value
    return spread
