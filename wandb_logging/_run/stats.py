"""Counts of a run's events, for `stats()` and as metrics of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from typing import Any

from wandb_logging._dataclass import dataclass


@dataclass(frozen=True)
class Stats:
    """Counts of events so far. `Stats()` is for a run without events.

    Attributes:
        accepted: events that are journalled, wait for the disk, or were dropped.
        journalled: events on the disk, whichever process wrote them.
        sent: events that were sent, acknowledged or not.
        acknowledged: events whose rows and lines the server has.
        set_aside: values and rows that cannot be sent.
        late: rows whose step was lower than the current one.
        masked: values that look like secrets.
        dropped: lost events, by reason.
        lag: age in seconds of the oldest event that the server has not acknowledged.
    """

    accepted: int = 0
    journalled: int = 0
    sent: int = 0
    acknowledged: int = 0
    set_aside: int = 0
    late: int = 0
    masked: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    lag: float = 0.0

    def with_dropped(self, reason: str, count: int) -> Stats:
        """A copy with more events that were accepted and then lost."""
        return replace(self, accepted=self.accepted + count, dropped={**self.dropped, reason: count}) if count else self

    def to_json(self) -> dict[str, Any]:
        """The counts by name, as `stats()` gives them."""
        return asdict(self)

    @property
    def metrics(self) -> dict[str, float]:
        """The counts as metrics, besides those of the machine. Dropped events are one sum."""
        numbers = {**self.to_json(), "dropped": sum(self.dropped.values())}
        return {f"wandb_logging.{name}": value for name, value in numbers.items()}


class OwnStats:
    """Samples what this package itself is doing. It is a source for a `Sampler`.

    Args:
        stats: returns the run's counts.
    """

    def __init__(self, stats: Callable[[], Stats]) -> None:
        self._stats = stats

    def sample(self) -> dict[str, float]:
        """The present counts."""
        return self._stats().metrics
