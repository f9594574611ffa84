"""Promises of positions: what is written down is read again as it was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, strategies as st

from wandb_logging._journal.position import covers, is_position, order_passed, places, position, torn_places

PLACES = st.dictionaries(st.integers(1, 10**4), st.tuples(st.integers(1, 10**4), st.integers(0, 2**40)), max_size=4)


@given(PLACES, st.integers(0, 2**40), PLACES)
def test_there_and_back(at: dict[int, tuple[int, int]], order: int, torn: dict[int, tuple[int, int]]) -> None:
    """By way of the file, too, which is JSON."""
    kept = json.loads(json.dumps(position(at, order, torn)))
    assert is_position(kept)
    assert (places(kept), order_passed(kept), torn_places(kept)) == (at, order, torn)


def test_as_every_version_writes_it() -> None:
    """Run directories of other versions have it so."""
    assert position() == {"writers": {}, "order": 0}
    at, torn = {2: (1, 7), 1: (3, 5)}, {2: (1, 9)}
    written = '{"writers": {"1": [3, 5], "2": [1, 7]}, "order": 4, "torn": {"2": [1, 9]}}'
    assert json.dumps(position(at, 4, torn)) == written


def test_none_is_the_start() -> None:
    """A run of which the server has nothing is read from the first line of each writer."""
    assert is_position(None)
    assert (places(None), order_passed(None)) == ({}, 0)
    assert covers(None, {1: (1, 0)})
    assert not covers(None, {1: (1, 1)})
    assert covers(position({1: (2, 0)}), {1: (1, 900)})


@pytest.mark.parametrize(
    "value",
    [
        [],
        {"writers": []},
        {"writers": {"one": [1, 0]}},
        {"writers": {"1": [1]}},
        {"writers": {"1": [1, -1]}},
        {"torn": {"1": "1, 0"}},
        {"order": -1},
        {"order": "0"},
    ],
)
def test_what_is_none(value: object) -> None:
    """A cursor with one that cannot be is as good as none."""
    assert not is_position(value)
