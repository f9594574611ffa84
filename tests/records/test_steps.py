"""With late_steps: error the caller is told at once; rows of log records are told of in a line."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from wandb_logging._fold.fold import Rules, State, fold
from wandb_logging._records.encoding import row_event
from wandb_logging._records.steps import Steps

NOW = 1_700_000_000.5


def made() -> Steps:
    return Steps(lambda _kind, _text: None)


def test_a_lower_step_is_late() -> None:
    steps = made()
    assert [steps.check(step) for step in (5, 5, 6, None)] == [None] * 4
    assert steps.check(7) is None
    assert steps.check(6) == "step 6 is lower than the current step 7 (late_steps: error)"
    assert steps.check(7) is None


def test_a_row_without_step_goes_on() -> None:
    """Unless it is to be continued; one with a step stays open, unless it is complete."""
    steps = made()
    assert steps.check(None) is None
    assert steps.check(0) is not None
    assert steps.check(None, commit=False) is None
    assert steps.check(1) is None
    assert steps.check(1, commit=True) is None
    assert steps.check(1) is not None


@given(st.lists(st.tuples(st.none() | st.integers(0, 9), st.none() | st.booleans()), max_size=20))
def test_it_agrees_with_the_fold(calls: Any) -> None:
    """What `run.log` raises for is what the fold sets aside."""
    steps = made()
    rules, state = Rules(start=NOW, late_steps="error"), State()
    for step, commit in calls:
        before = state.late
        state, _ = fold(rules, state, [row_event({"a": 1}, step, NOW, lambda _name, _reason: None, commit=commit)])
        assert (steps.check(step, commit=commit) is not None) is (state.late > before)
