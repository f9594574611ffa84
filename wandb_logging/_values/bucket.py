"""A bucket that fills with time: how long each waits so that many together are no faster than allowed. Pure.

It is one number, the moment at which it is full again. To take from it moves that moment on. The order in which many
take from it is the order in which they may go.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Bucket:
    """What is allowed.

    Attributes:
        rate: units a second.
        burst: units at once, after a rest.
        most: seconds that anybody waits. A moment further away is nonsense: a clock was set, or the file is another's.
    """

    rate: float
    burst: float
    most: float = 30.0

    def take(self, full: float, now: float, amount: float) -> tuple[float, float]:
        """The moment at which the bucket is full again when an amount was taken, and seconds to wait until it may go.

        Args:
            full: that moment as it was.
            now: the time, by a clock that all have who take from it.
            amount: units.
        """
        if not now <= full <= now + self.most + self.burst / self.rate:
            full = now
        after = full + amount / self.rate
        return after, min(self.most, max(0.0, after - self.burst / self.rate - now))
