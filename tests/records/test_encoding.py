"""Events that are made by hand: what they hold, and what is told of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from wandb_logging._records.encoding import change_event, row_event
from wandb_logging._values.plain import loads

NOW = 1_700_000_000.5


def ignore(_name: str, _reason: str) -> None:
    """Told of what is set aside."""


def test_a_row() -> None:
    told: dict[str, str] = {}
    assert loads(row_event({"a": 1, "b": object()}, 3, NOW, told.__setitem__)) == {
        "metrics": {"a": 1},
        "step": 3,
        "t": NOW,
        "aside": {"b": "no JSON value for object"},
    }
    assert list(told) == ["b"]


@pytest.mark.parametrize("commit", [True, False])
def test_whether_it_is_complete(commit: Any) -> None:
    event = loads(row_event({"a": 1}, None, NOW, ignore, commit=commit))
    assert event == {"metrics": {"a": 1}, "commit": commit, "t": NOW}


def test_a_change() -> None:
    told: dict[str, str] = {}
    event = loads(change_event("config", {"lr": 1, "bad": object()}, NOW, told.__setitem__))
    assert event == {"config": {"lr": 1}, "t": NOW, "aside": {"config.bad": "no JSON value for object"}}
    assert list(told) == ["config.bad"]


def test_an_exit() -> None:
    assert loads(change_event("exit", 3, NOW, ignore)) == {"exit": 3, "t": NOW}
