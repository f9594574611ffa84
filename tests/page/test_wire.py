"""What travels of bins: few bytes, and nobody sees a difference."""

from __future__ import annotations

import json
import math
from array import array

import pytest
from hypothesis import given, strategies as st

from wandb_logging._page.answers import strict
from wandb_logging._page.bins import Grid, Placed
from wandb_logging._page.wire import Line, packed

VALUES = st.one_of(
    st.lists(st.floats(-1e30, 1e30), min_size=1, max_size=50),
    st.lists(st.floats(1e9, 1.0000001e9), min_size=1, max_size=50),
    st.lists(st.floats(0, 1), min_size=1, max_size=50),
    st.lists(st.floats(-1e300, 1e300), min_size=1, max_size=50),
    st.lists(st.floats(-1.7e308, 1.7e308), min_size=1, max_size=50),
)


def placed(values: list[float]) -> Placed:
    some = [value for value in values if value == value]
    column = array("d", values)
    return Placed(3, column, column, column, min(some), max(some))


def unpacked(body: bytes) -> list[float]:
    """The values of the only line, which is a sample."""
    size = int.from_bytes(body[:4], "little")
    head, data = json.loads(body[4 : 4 + size]), body[4 + size :]
    ((_, _, _, length, _, low, high),) = head["series"]
    if low is None:
        whole = [data[at] << 24 | data[length + at] << 16 | data[2 * length + at] << 8 for at in range(length)]
        return list(array("f", array("I", whole).tobytes()))
    assert head["floats"] == 0
    steps = [data[at] << 8 | data[length + at] for at in range(length)]
    wide = 1 if math.isfinite(high - low) else 2  # what is halved has a difference that is a number, as in the page
    low, span = low / wide, high / wide - low / wide
    return [math.nan if step == 65535 else wide * (low + step / 65534 * span) for step in steps]


@given(VALUES)
def test_no_screen_shows_a_difference(values: list[float]) -> None:
    """What comes is less than a thirty-thousandth of the line's range beside the value, whatever that is."""
    back = unpacked(packed({}, {}, [Line(1, 2, placed(values), exact=False)]))
    span = max(values) / 30_000 - min(values) / 30_000
    most = max(map(abs, values))
    for value, found in zip(values, back):
        assert found == pytest.approx(value, rel=1e-12, abs=span + 1e-12 * most)


@given(st.lists(st.floats(1e-20, 1e20), min_size=1, max_size=50))
def test_nor_on_a_log_axis(values: list[float]) -> None:
    """Of values above zero each comes within a part of itself, however small it is beside the others."""
    back = unpacked(packed({}, {}, [Line(1, 2, placed(values), exact=False)]))
    assert back == pytest.approx(values, rel=0.004)


def test_gaps_stay_gaps_and_ends_are_exact() -> None:
    """A bin without a value is none; the lowest and the highest value of a line are what was logged."""
    back = unpacked(packed({}, {}, [Line(1, 2, placed([0.1, math.nan, 0.7]), exact=False)]))
    assert back[0] == 0.1
    assert back[2] == 0.7
    assert back[1] != back[1]


def test_what_the_head_says() -> None:
    """Each metric's grid, and whose each line is."""
    body = packed({"complete": True}, {2: Grid(5, 1, 9)}, [Line(7, 2, placed([1.0, 2.0]), exact=True)])
    size = int.from_bytes(body[:4], "little")
    head = json.loads(body[4 : 4 + size])
    assert head["grids"] == {"2": [32, 1, 9]}
    assert head["series"] == [[7, 2, 3, 2, 1, 1.0, 2.0]]
    assert len(body) == 4 + size + 2 * 2 * 3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": [1, 2.5, None, True, "null"], "b": ("x",)}, {"a": [1, 2.5, None, True, "null"], "b": ["x"]}),
        ({"a": [math.nan, math.inf, -math.inf, None]}, {"a": ["NaN", "Infinity", "-Infinity", None]}),
        ({"a": 2**70, "b": "NaN", "c": None}, {"a": 2**70, "b": "NaN", "c": None}),
        (["\ud800", None], ["\ud800", None]),
        (["x" * 300_000, None, {"deep": [[math.nan]]}], ["x" * 300_000, None, {"deep": [["NaN"]]}]),
    ],
)
def test_json_for_a_browser(value: object, expected: object) -> None:
    """Everything comes as it is; only what is no JSON is a text."""

    def none(name: str) -> None:
        raise AssertionError(name)

    assert json.loads(strict(value), parse_constant=none) == expected
