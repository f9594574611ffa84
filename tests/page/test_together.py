"""The same for many runs: nobody waits for a slow disk once for each of them."""

from __future__ import annotations

import math
import threading

from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging._page.runs import for_each


def test_what_takes_long_is_done_at_once() -> None:
    """Calls that wait are made while others wait."""
    all_here = threading.Barrier(5)
    for_each(lambda _: all_here.wait(PATIENCE), range(5), 0.0)
    assert not all_here.broken


def test_what_is_quick_needs_no_thread() -> None:
    """As long as it does not take long, everything is done where it was asked for, in order."""
    done: list[tuple[int, int]] = []
    for_each(lambda item: done.append((item, threading.get_ident())), range(100), math.inf)
    assert done == [(item, threading.get_ident()) for item in range(100)]


@given(st.integers(0, 60), st.sampled_from([0.0, 1e-5, math.inf]))
def test_each_once(count: int, patience: float) -> None:
    """When it returns, everything was done, and nothing twice."""
    done: list[int] = []
    for_each(done.append, range(count), patience)
    assert sorted(done) == list(range(count))
