"""Bins hold what was put in, on whatever grid; nothing is lost that a chart shows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._page.bins import Bins, Grid, Series, bin_of, common, fitting, grids_of, of_row, on_grid

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBERS = st.floats(-1e9, 1e9)
ROWS = st.lists(st.tuples(st.integers(0, 5000), NUMBERS), min_size=1, max_size=200)


def bins_of(rows: list[tuple[Any, Any]], axis: str = "_step", **options: Any) -> Bins:
    bins = Bins(axis, **options)
    bins.add({axis: x, "m": y} for x, y in rows)
    return bins


def brute(rows: Sequence[tuple[float, float]], width: float) -> dict[int, list[float]]:
    """The values of each bin, found one by one."""
    found: dict[int, list[float]] = {}
    for x, y in rows:
        found.setdefault(math.floor(x / width), []).append(y)
    return found


@given(ROWS, st.integers(4, 64))
def test_a_bin_is_what_its_values_are(rows: list[tuple[int, float]], most: int) -> None:
    """Count, sum, lowest and highest of each bin are those of the values that fall into it, in whatever order."""
    bins = bins_of(rows, most=most)
    assert bins.exponent is not None
    expected = brute(rows, 2.0**bins.exponent)
    series = bins.series["m"]
    assert list(series.at) == sorted(expected)
    assert len(series.at) <= most
    for place, at in enumerate(series.at):
        assert series.n[place] == len(expected[at])
        assert series.total[place] == pytest.approx(math.fsum(expected[at]), rel=1e-9, abs=1e-3)
        assert (series.low[place], series.high[place]) == (min(expected[at]), max(expected[at]))


@given(ROWS, st.integers(1, 5))
def test_pieces_make_the_same(rows: list[tuple[int, float]], pieces: int) -> None:
    """It does not matter in how many pieces rows come, but for the width, which only grows."""
    bins, size = Bins(most=16), max(1, len(rows) // pieces)
    for at in range(0, len(rows), size):
        bins.add({"_step": x, "m": y} for x, y in rows[at : at + size])
    whole, series = bins_of(rows, most=16), bins.series["m"]
    assert bins.exponent is not None
    assert bins.exponent >= (whole.exponent or 0)
    assert series.count == len(rows)
    assert (series.last, series.lowest, series.highest) == (
        rows[-1][1],
        min(y for _, y in rows),
        max(y for _, y in rows),
    )
    assert dict(zip(series.at, series.n)) == {at: len(values) for at, values in brute(rows, 2.0**bins.exponent).items()}


@given(st.lists(st.tuples(st.integers(0, 300), NUMBERS), min_size=1), st.integers(0, 6))
def test_coarser_is_what_wide_bins_would_hold(rows: list[tuple[int, float]], shift: int) -> None:
    """Bins made wider hold what bins of that width would have held."""
    series = bins_of(sorted(rows)).series["m"]
    wide = series.coarser(shift)
    expected = brute(rows, 2.0**shift)
    assert list(wide.at) == sorted(expected)
    assert list(wide.n) == [len(expected[at]) for at in wide.at]
    assert list(wide.low) == [min(expected[at]) for at in wide.at]
    assert list(wide.high) == [max(expected[at]) for at in wide.at]


def test_no_spike_is_lost() -> None:
    """Of two hundred thousand points each of ten that stand out is still the highest of its bin."""
    spikes = {at * 19_991 + 7 for at in range(10)}
    bins = Bins()
    for at in range(0, 200_000, 5000):
        bins.add({"_step": x, "m": 100.0 if x in spikes else 1.0} for x in range(at, at + 5000))
    series = bins.series["m"]
    assert sum(1 for high in series.high if high == 100.0) == 10
    assert sum(series.n) == 200_000


def test_what_is_no_number_is_counted_or_left_out() -> None:
    """NaN and infinities are counted and not drawn; text, truth values and what is missing are no numbers."""
    bins = Bins()
    values = [1.0, math.nan, math.inf, "a", True, None, 10**400, 2]
    bins.add({"_step": at, "m": value} for at, value in enumerate(values))
    series = bins.series["m"]
    assert (series.count, series.bad, series.last, series.highest) == (2, 3, 2.0, 2.0)


def test_nested_metrics_have_dots() -> None:
    """A mapping in a row is metrics by their paths; media in one are none."""
    bins = Bins()
    bins.add([{"_step": 0, "val": {"acc": 0.5, "pic": {"_type": "image-file", "size": 9}}}])
    assert list(bins.series) == ["val.acc"]
    assert of_row({"val": {"acc": 0.5}}, "val.acc") == 0.5
    assert of_row({"val.acc": 0.7}, "val.acc") == 0.7


@pytest.mark.parametrize("values", [[1e300, -1e300, 0.0], [1e-300, 2e-300], [1.7e9, 1.7e9 + 1e-3], [5.0, 5.0]])
def test_any_metric_can_be_an_axis(values: list[float]) -> None:
    """However large, small or near to each other: each value has a bin, and they are not too many."""
    bins = bins_of([(x, 1.0) for x in values], axis="x")
    assert sum(bins.series["m"].n) == len(values)
    assert len(bins.series["m"].at) <= 512


def test_a_number_beyond_all_floats_has_no_place() -> None:
    """A row whose x is a whole number that no float holds is left out; those beside it are drawn."""
    bins = bins_of([(10**400, 1.0), (3, 2.0), (-(10**400), 1.0), (1e308, 3.0), (1.5e308, 4.0)], axis="x")
    assert (bins.low, bins.high, bins.series["m"].count) == (3, 1.5e308, 3)


@pytest.mark.not_quick
def test_many_metrics_have_fewer_bins_each() -> None:
    """Ten thousand metrics take no more memory than their share."""
    bins = Bins()
    metrics = {f"m{number}": 1.0 for number in range(10_000)}
    for at in range(0, 40, 10):
        bins.add({"_step": step, **metrics} for step in range(at, at + 10))
    assert bins.cells <= 10_000 * 32


@given(st.floats(-1e12, 1e12), st.floats(0, 1e12), st.integers(2, 2000))
def test_what_fits_fits(low: float, span: float, most: int) -> None:
    """A range takes at most as many bins as asked for, and not less than a quarter where it need not."""
    exponent = fitting(low, low + span, most)
    assert bin_of(low + span, exponent) - bin_of(low, exponent) < most


def test_runs_share_a_grid() -> None:
    """The grid of several runs is the widest of theirs; each is put on it where it belongs."""
    long, short = bins_of([(x, float(x)) for x in range(2000)], most=64), bins_of([(5, 1.0), (70, 2.0)])
    grid = common([long, short, Bins()], 256)
    assert grid == Grid(5, 0, 63)
    placed = on_grid(short, "m", grid)
    assert placed is not None
    assert placed.start == 0
    assert [None if value != value else value for value in placed.mean] == [1.0, None, 2.0]
    assert on_grid(short, "other", grid) is None


def test_a_range_is_a_part() -> None:
    """Between two values only what lies there is drawn."""
    bins = bins_of([(x, float(x)) for x in range(100)])
    grid = common([bins], 256, 10, 20)
    assert grid == Grid(0, 10, 11)
    placed = on_grid(bins, "m", grid)
    assert placed is not None
    assert list(placed.mean) == list(range(10, 21))


def test_a_metric_has_the_grid_of_the_runs_that_have_it() -> None:
    """A run that goes a million times as far makes nobody's chart a dot but those of its own metrics."""
    near, far = bins_of([(x, 1.0) for x in range(100)]), Bins()
    far.add({"_step": x, "far": 1.0} for x in (0, 10**12))
    grids = grids_of([near, far], ["m", "far", "none"], 256)
    assert grids["m"] == Grid(0, 0, 100)
    assert grids["far"].exponent > 30
    assert list(grids) == ["m", "far"]


def test_a_grid_that_is_too_fine_by_now() -> None:
    """Bins that became wider after their grid was made are left out: news of them are on their way."""
    bins = bins_of([(x, 1.0) for x in range(100)], most=64)
    assert on_grid(bins, "m", Grid(0, 0, 100)) is None


def test_an_empty_series_stays_one() -> None:
    """Nothing in wider bins is nothing."""
    assert len(Series().coarser(3).at) == 0


def test_a_sum_beyond_all_floats() -> None:
    """Where the values of a bin add up to more than a float holds, its mean is still between them."""
    bins = Bins("_step", most=8)
    bins.add([{"_step": step, "up": 1.7e308, "both": 1.7e308 * (-1) ** (step // 8)} for step in range(64)])
    grids = grids_of([bins], ["up", "both"], 8)
    for name, grid in grids.items():
        placed = on_grid(bins, name, grid)
        assert placed is not None
        assert all(low <= mean <= high for low, mean, high in zip(placed.low, placed.mean, placed.high))
