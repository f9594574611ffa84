"""Any tree of metrics: the line we send parses to what the official SDK's line parses to."""

from __future__ import annotations

import copy
import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import Phase, example, given, settings, strategies as st

from tests.contract.test_official_sdk import script
from wandb_logging._fold.fold import Rules, State, fold
from wandb_logging._records.encoding import row_event
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.contract

# Without what either client keeps to itself: names it sets or refuses, which other tests are about.
_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(lambda name: name[0] != "_")
_SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=["Cs"]))
_VALUES = st.recursive(
    _SCALARS,
    lambda below: (
        st.lists(below, max_size=4)
        | st.lists(below, max_size=3).map(tuple)
        | st.dictionaries(_NAMES, below, max_size=4)
    ),
    max_leaves=20,
)
TREES = st.dictionaries(_NAMES, _VALUES, max_size=6)

# What generators seldom find.
ODD: list[dict[str, Any]] = [
    {},
    {"a": {}},
    {"a": {"b": {}}, "c": [{}]},
    {"a": [], "b": None},
    {"a.b": 1, "a": {"b": 2}},
    {"a\\.b": 1, "a/b": 2, "ü \n\0": "\u2028\x7f", "é" * 300: 1},
    {"big": 2**63, "bigger": 2**64, "biggest": 10**30, "least": -(2**63), "less": -(2**63) - 1},
    {"huge": 1e308, "tiny": 5e-324, "zero": -0.0, "exact": 2**53 + 1, "third": 1 / 3},
    {"nan": math.nan, "inf": [math.inf, {"deep": -math.inf}]},
    {"words": ["NaN", "null", "Infinity", "😀"]},
    {"list": list(range(100)), "nested": [[1, [2, [3]]], ({"x": (1,)},)]},
    {"true": True, "one": 1, "float": 1.0},
    {"_mine": 1, "_type": "text"},
]

SCRIPT = """
    with wandb.init(project="p", id="r") as run:
        for tree in json.loads(pathlib.Path("trees.json").read_text(encoding="utf-8")):
            run.log(tree)
"""


def our_line(tree: dict[str, Any]) -> str:
    told: list[str] = []
    event = row_event(tree, None, 1.5, lambda name, why: told.append(f"{name}: {why}"))
    (line,) = fold(Rules(start=1.0), State(), [event])[1].rows
    assert told == []
    return line


def their_line(tree: dict[str, Any]) -> str:
    """What the official SDK hands to its second process, key by key, as one object."""
    from wandb.sdk.data_types.utils import history_dict_to_json
    from wandb.util import json_dumps_safer_history

    a_run: Any = object()  # of which it asks that there is one
    row = history_dict_to_json(a_run, copy.deepcopy(tree), step=0)
    return "{" + ",".join(f"{json.dumps(key)}:{json_dumps_safer_history(value)}" for key, value in row.items()) + "}"


def logged(row: dict[str, Any]) -> dict[str, Any]:
    """A row without what the client adds."""
    return {key: value for key, value in row.items() if key not in {"_step", "_timestamp", "_runtime"}}


def without_empty(tree: dict[str, Any]) -> dict[str, Any]:
    """Without mappings that hold no value, which the official SDK's second process leaves out."""
    below = {key: without_empty(value) if isinstance(value, dict) else value for key, value in tree.items()}
    return {key: value for key, value in below.items() if value != {}}


def same(value: Any) -> Any:
    """A value as text that is equal for what arrives as equal: NaN is, True and 1 are not.

    A whole number has no other form as a float, and one beyond 64 bits becomes one (protocol 5.4).
    """
    return json.dumps(_with_numbers(value), sort_keys=True)


def _with_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _with_numbers(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_numbers(item) for item in value]
    if type(value) is float and value.is_integer():
        return int(value)
    if type(value) is int and not -(2**63) <= value < 2**64:
        return int(float(value))
    return value


def with_odd(test: Callable[..., None]) -> Callable[..., None]:
    for tree in ODD:
        test = example(tree)(test)
    return test


@with_odd
@given(TREES)
@settings(deadline=None)
def test_any_line(tree: dict[str, Any]) -> None:
    """In process, against the official SDK's own converters."""
    assert same(logged(json.loads(our_line(tree)))) == same(without_empty(json.loads(their_line(tree))))


def test_some_lines_all_the_way(tmp_path: Path) -> None:
    """Through the whole official SDK, and through ours, to the server."""
    trees = list(ODD)

    @settings(max_examples=40, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(TREES)
    def collect(tree: dict[str, Any]) -> None:
        trees.append(tree)

    collect()
    (tmp_path / "trees.json").write_text(json.dumps(trees), encoding="utf-8")
    rows = {}
    for wandb in ("wandb", "wandb_logging.compat"):
        with LocalServer() as server:
            script(server, tmp_path, SCRIPT, wandb=wandb)
            assert server.violations == []
            rows[wandb] = [same(logged(row)) for row in server.run("r").history]
    assert len(rows["wandb"]) == len(trees)
    assert rows["wandb_logging.compat"] == rows["wandb"]
