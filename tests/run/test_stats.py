"""Promises of the counts."""

from __future__ import annotations

from wandb_logging import WandbHandler
from wandb_logging._run.stats import OwnStats, Stats


def test_a_run_that_has_none() -> None:
    """All counts are 0, under the names that `stats()` has."""
    assert WandbHandler(project="p", mode="disabled").stats() == Stats().to_json()
    counts = Stats().to_json()
    assert counts.pop("dropped") == {}
    assert set(counts.values()) == {0}


def test_what_is_lost_has_come() -> None:
    """Each accepted event is journalled, waiting or dropped, also one that comes too late."""
    stats = Stats(accepted=5, journalled=3, dropped={"cache full": 2}).with_dropped("late", 4)
    assert stats == Stats(accepted=9, journalled=3, dropped={"cache full": 2, "late": 4})
    assert stats.with_dropped("later", 0) is stats


def test_as_metrics() -> None:
    """A number each: of what was dropped the sum."""
    stats = Stats(accepted=5, dropped={"a": 2, "b": 1}, lag=0.5)
    sample = OwnStats(lambda: stats).sample()
    assert (sample["wandb_logging.dropped"], sample["wandb_logging.lag"]) == (3, 0.5)
    assert {name.partition(".")[2] for name in sample} == set(stats.to_json())
