"""A token bucket: how long to wait so that senders are no faster than allowed. Pure.

The state of a bucket is one number, the time at which it is full again. Taking units from it moves that time on.
Senders may go in the order in which they took their units.
"""

from __future__ import annotations

from wandb_logging._dataclass import dataclass


@dataclass(frozen=True)
class Bucket:
    """The allowed rate.

    Attributes:
        rate: units a second.
        burst: units at once, after a rest.
        most: longest wait in seconds. A time further away is not believed: a clock was set, or its file is damaged.
    """

    rate: float
    burst: float
    most: float = 30.0

    def take(self, full: float, now: float, amount: float) -> tuple[float, float]:
        """Take units from the bucket.

        Args:
            full: time at which the bucket is full again, before this.
            now: present time, by the same clock for all that take from this bucket.
            amount: units to take.

        Returns:
            Time at which the bucket is full again now, and seconds to wait before the units may be used.
        """
        if not now <= full <= now + self.most + self.burst / self.rate:
            full = now
        after = full + amount / self.rate
        return after, min(self.most, max(0.0, after - self.burst / self.rate - now))
