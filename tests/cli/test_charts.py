from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from wandb_logging._cli.charts import charts, overlaid, series, thinned


def test_series() -> None:
    """Only finite numbers are drawn, at their step, under their dotted name; the last is the last, whatever it is."""
    rows: list[dict[str, Any]] = [
        {"_step": 0, "_runtime": 1.0, "loss": 1, "ok": True, "text": "x", "val": {"acc": 0.5}},
        {"_step": 4, "loss": float("nan"), "val": {"acc": float("inf")}},
        {"_step": 5, "loss": 0.25},
    ]
    found = series(rows)
    assert {name: curve.points for name, curve in found.items()} == {
        "loss": [(0, 1.0), (5, 0.25)],
        "val.acc": [(0, 0.5)],
    }
    assert {name: curve.words for name, curve in found.items()} == {
        "loss": "last 0.25, 1 not finite",
        "val.acc": "last inf, 1 not finite",
    }


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=500), st.integers(2, 100))
def test_thinned(values: list[float], most: int) -> None:
    """Thinned points are fewer, in order, with the ends, the lowest and the highest among them."""
    points = [(float(step), value) for step, value in enumerate(values)]
    few = thinned(points, most)
    assert few == sorted(few)
    assert set(few) <= set(points)
    assert (few[0], few[-1]) == (points[0], points[-1])
    assert len(few) <= most + 4
    assert min(value for _, value in few) == min(values)
    assert max(value for _, value in few) == max(values)


@given(st.integers(10_000, 60_000), st.integers(0, 1000))
@settings(max_examples=5)
def test_a_long_run_is_drawn_evenly(count: int, spike: int) -> None:
    """However long a run is, each part of it has its share of the points, and what is low or high stays so."""
    curve = series({"_step": step, "m": 9.0 if step == spike else step % 7} for step in range(count))["m"]
    assert len(curve.points) <= 4001
    for part in range(20):
        low, high = part * count // 20, (part + 1) * count // 20
        assert 60 <= sum(low <= step < high for step, _ in curve.points) <= 300
        assert {value for step, value in curve.points if low <= step < high} >= {0.0, 6.0}
    assert (spike, 9.0) in curve.points
    shape = curve.shape(400)
    assert (shape[0][0], shape[-1][0]) == (0, count - 1)


@pytest.mark.parametrize("values", [(0.5, 1e300, 1e308), (-1.7e308, 1.7e308), (5e-324, 1e-323), (2.0**1023, 1, -1)])
def test_a_loss_that_explodes(values: tuple[float, ...]) -> None:
    """Where a chart cannot be drawn its last value is said, in one run and in several beside each other."""
    curves = series([{"_step": step, "loss": value} for step, value in enumerate(values)])
    words = f"{values[-1]:.3g}"[:4]
    assert words in "\n".join(map(str, charts(curves)))
    assert words in "\n".join(map(str, overlaid("loss", {"A": curves["loss"], "B": curves["loss"]})))
