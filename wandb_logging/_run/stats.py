"""Counts of a run's events, as `stats()` gives them, and as metrics of the run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, field, replace
from typing import Any

from wandb_logging._dataclass import dataclass


@dataclass(frozen=True)
class Stats:
    """Counts of events so far. `Stats()` is a run that has none.

    Attributes:
        accepted: journalled, waiting for the disk, or dropped.
        journalled: on the disk, whichever process wrote them.
        sent: went out, acknowledged or not.
        acknowledged: those whose rows and lines the server has.
        set_aside: values and rows that cannot be sent.
        late: rows whose step was lower than the current one.
        masked: values that look like secrets.
        dropped: those that are lost, by reason.
        lag: age in seconds of the oldest that the server has not acknowledged.
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
        """With more that came, and were lost."""
        return replace(self, accepted=self.accepted + count, dropped={**self.dropped, reason: count}) if count else self

    def to_json(self) -> dict[str, Any]:
        """By name, as `stats()` gives them."""
        return asdict(self)

    @property
    def metrics(self) -> dict[str, float]:
        """As metrics beside those of the machine; of what was dropped the sum."""
        numbers = {**self.to_json(), "dropped": sum(self.dropped.values())}
        return {f"wandb_logging.{name}": value for name, value in numbers.items()}


class OwnStats:
    """What this package itself is doing: a source of a `Sampler`.

    Args:
        stats: the run's counts.
    """

    def __init__(self, stats: Callable[[], Stats]) -> None:
        self._stats = stats

    def sample(self) -> dict[str, float]:
        """The counts now."""
        return self._stats().metrics
