"""When what is due. It knows no clock: whoever asks gives the time, in seconds of a monotonic clock."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

QUIET = 5.0  # seconds without another change of config after which the changes are sent
LEAST = 0.05  # seconds between two rounds, however short the interval: an idle program does not use a core
APART = 0.5  # least seconds between two looks at the journal while a file is sent: W&B's rate, 2 requests a second


@dataclass
class Schedule:
    """The times of one run's rounds.

    Attributes:
        interval: seconds between two rounds.
        heartbeat: seconds after which a run that is sent says that it is alive.
        round_due: when the next round is due.
        changes_due: when changes that wait for more of them are to be sent; never while there are none.
        looked: when the journal was last looked at.
    """

    interval: float
    heartbeat: float
    round_due: float = 0.0
    changes_due: float = math.inf
    looked: float = -math.inf

    def pace(self, *, sending: bool) -> float:
        """Seconds between two rounds: where rows are sent, not more than between two heartbeats."""
        return max(LEAST, min(self.interval, self.heartbeat) if sending else self.interval)

    def begin(self, now: float, *, sending: bool) -> None:
        """A round begins: what comes from here on is the next one's."""
        self.changes_due = math.inf
        self.looked = now
        self.round_due = now + self.pace(sending=sending)

    def end(self, now: float, *, sending: bool) -> None:
        """A round is over: however long it took, the next comes so much later."""
        self.round_due = now + self.pace(sending=sending)

    def change(self, now: float) -> None:
        """A change was made that waits for more of them: each is sent whole (protocol 3.1)."""
        self.changes_due = now + QUIET

    def is_due(self, now: float) -> bool:
        """Whether the time of a round has come."""
        return now >= min(self.round_due, self.changes_due)

    def seconds_left(self, now: float, samples: Iterable[float] = ()) -> float:
        """Seconds until something is due: a round, or one of the samples."""
        return max(0.0, min(self.round_due, self.changes_due, *samples) - now)

    def may_glance(self, now: float, *, asked: bool) -> bool:
        """Whether the journal is looked at from between two blocks of a file: as a round, but not more often."""
        return now >= self.looked + APART and (asked or self.is_due(now))
