"""What becomes of the values of event files that are more than numbers."""

from __future__ import annotations

import math
import sys
from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from wandb_logging import new_run, read_run
from wandb_logging._formats.event_file import Histogram, Picture
from wandb_logging._run.tensorboard import fewer_bins, logged

PNG = b"\x89PNG\r\n\x1a\n"


@given(st.lists(st.tuples(st.floats(0.01, 9), st.integers(0, 99)), min_size=2, max_size=40), st.data())
def test_fewer_bins_hold_as_much(bins: list[tuple[float, int]], data: st.DataObject) -> None:
    """They end where the old ones end, are in order, and nothing is lost or counted twice."""
    most = data.draw(st.integers(1, len(bins) - 1))
    edges = [0.0]
    for width, _ in bins:
        edges.append(edges[-1] + width)
    counts = [float(count) for _, count in bins]
    fewer, found = fewer_bins(edges, counts, most)
    assert (len(fewer), len(found)) == (most + 1, most)
    assert (fewer[0], fewer[-1]) == (edges[0], edges[-1])
    assert fewer == sorted(fewer)
    assert math.isclose(sum(found), sum(counts), abs_tol=1e-9)
    assert min(found) >= -1e-9


def test_every_second_edge_is_every_two_bins_together() -> None:
    """Where no bin has to be cut, counts are sums."""
    assert fewer_bins([0.0, 1, 2, 4, 8], [1.0, 2, 3, 4], 2) == ([0.0, 2.0, 8.0], [3.0, 7.0])


@pytest.mark.parametrize(
    "value",
    [
        Histogram([], []),
        Histogram([math.nan, 1.0], [1.0]),
        Histogram([0.0, math.inf], [1.0]),
        [Picture(b"no image", 1, 1)],
        [Picture(PNG, 1, 1), Picture(b"", 1, 1)],
    ],
)
def test_what_cannot_be_shown_is_named(value: object) -> None:
    """The other values of the row are there."""
    said: dict[str, str] = {}
    assert logged({"odd": value, "loss": 0.5}, said.__setitem__) == {"loss": 0.5}
    assert list(said) == ["odd"]


def test_images_need_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are in the run byte for byte as they were in the event file."""
    monkeypatch.setitem(sys.modules, "PIL", None)  # who imports it now gets an ImportError
    said: dict[str, str] = {}
    with new_run("p", mode="offline") as run:
        run.log(logged({"picture": [Picture(PNG + b"pixels", 4, 2)]}, said.__setitem__))
    assert said == {}
    assert run.dir is not None
    (row,) = read_run(run.dir).rows
    assert (row["picture"]["width"], row["picture"]["height"]) == (4, 2)
    assert [path.read_bytes() for path in Path(run.dir).rglob("*.png")] == [PNG + b"pixels"]
