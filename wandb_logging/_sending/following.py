"""When a `sync` that follows runs ends, and how often it looks at them. Pure: no I/O, no clock."""

from __future__ import annotations

import math

_LEAST = 0.05  # seconds between two looks, however short is what counts as idle


class Following:
    """What `sync` has seen of the runs that it follows.

    Args:
        until_idle: seconds for which every run has to have ended and none to have begun; None ends as soon as every
            run has ended, and waits for the first as long as it takes.
        found: how many runs there are at first, sent or not.
    """

    def __init__(self, until_idle: float | None, found: int) -> None:
        self._until_idle = until_idle
        self._found = found
        self._idle_since = math.inf

    def interval(self, most: float) -> float:
        """Seconds until the next look, of which there is one after `most` at the latest."""
        return most if self._until_idle is None else min(most, max(self._until_idle, _LEAST))

    def is_over(self, now: float, *, go_on: bool) -> bool:
        """Whether nothing more is waited for, after a round at this time that left a run going on or none."""
        self._idle_since = math.inf if go_on else min(self._idle_since, now)
        waits_for_first = not self._found and self._until_idle is None
        return now - self._idle_since >= (self._until_idle or 0) and not waits_for_first

    def saw(self, found: int) -> None:
        """Note how many runs there are now: one that has begun starts the time of being idle anew."""
        if found > self._found:
            self._idle_since = math.inf
        self._found = found
