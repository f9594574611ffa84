"""What became of the events given to a writer, in numbers."""

from __future__ import annotations

import os
from dataclasses import field

from wandb_logging._dataclass import dataclass
from wandb_logging._values.reentrant import lockless


@dataclass
class Counts:
    """What became of the events given to a writer.

    Attributes:
        journalled: on the disk.
        dropped: how many are lost, by reason.
        lost: how many of the dropped ones were lost against the user's wish: not by a setting, nor after the run's end.
    """

    journalled: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    lost: int = 0

    def drop(self, reason: str) -> None:
        """Count one event that is lost."""
        self.dropped[reason] = self.dropped.get(reason, 0) + 1

    def refuse(self) -> None:
        """Count one event that came after the end."""
        self.drop("logged after the run was closed")

    def lose(self, reason: str) -> None:
        """Count one event that is lost although it was to be sent."""
        self.drop(reason)
        self.lost += 1


class Appends:
    """What a writer on the disk and one in memory have in common. They take an event, or say that they are closed."""

    counts: Counts

    def offer(self, body: bytes) -> bool:
        """Add one event. Returns False if this writer is closed. Then nothing was done."""
        raise NotImplementedError

    @lockless
    def append(self, body: bytes) -> None:
        """Add one event. It is counted as dropped if this writer is closed."""
        if not self.offer(body):
            self.counts.refuse()


def reason_of(error: OSError) -> str:
    """Why the disk refuses something, in the system's words."""
    return os.strerror(error.errno) if error.errno else str(error)
