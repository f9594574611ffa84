"""Decides when a round is due. Pure: the caller gives the time, in seconds of a monotonic clock."""

from __future__ import annotations

import math
from collections.abc import Iterable

from wandb_logging._dataclass import dataclass

QUIET = 5.0  # seconds without another change of config after which the changes are sent
LEAST = 0.05  # least seconds between two rounds, whatever the interval, so that an idle program does not use up a core
APART = 0.5  # least seconds between two looks at the journal while a file is sent: W&B allows 2 requests a second


@dataclass
class Schedule:
    """The times of one run's rounds.

    Attributes:
        interval: seconds between two rounds.
        heartbeat: seconds between two heartbeats to the server.
        round_due: when the next round is due.
        changes_due: when changes of config and the like are to be sent; infinite while there are none.
        looked: when the journal was last looked at.
    """

    interval: float
    heartbeat: float
    round_due: float = 0.0
    changes_due: float = math.inf
    looked: float = -math.inf

    def pace(self, *, sending: bool) -> float:
        """Seconds between two rounds. If rows are sent, at most the seconds between two heartbeats."""
        return max(LEAST, min(self.interval, self.heartbeat) if sending else self.interval)

    def begin(self, now: float, *, sending: bool) -> None:
        """Note that a round begins: changes that come later belong to the next round."""
        self.changes_due = math.inf
        self.looked = now
        self.round_due = now + self.pace(sending=sending)

    def end(self, now: float, *, sending: bool) -> None:
        """Note that a round is over: the next one is due a full interval later, however long this round took."""
        self.round_due = now + self.pace(sending=sending)

    def change(self, now: float) -> None:
        """Note a change of config and the like. It waits for further ones, as each request has all (protocol 3.1)."""
        self.changes_due = now + QUIET

    def is_due(self, now: float) -> bool:
        """Whether the time of a round has come."""
        return now >= min(self.round_due, self.changes_due)

    def seconds_left(self, now: float, samples: Iterable[float] = ()) -> float:
        """Seconds until something is due: a round, or one of the samples."""
        return max(0.0, min(self.round_due, self.changes_due, *samples) - now)

    def may_glance(self, now: float, *, asked: bool) -> bool:
        """Whether to look at the journal while a file is sent: when a round is due, at most once in `APART` seconds."""
        return now >= self.looked + APART and (asked or self.is_due(now))
