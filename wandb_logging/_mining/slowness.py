"""Find the rules that take long again and again.

Only expressions that users write can be slow: rules of other forms pass over a line once. What counts is the processor
time of this thread, so a busy machine does not make a rule slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

Result = TypeVar("Result")

SLOW = 0.01  # seconds of processor time for one line
AGAIN = 20  # lines that were slow


class Slowness:
    """Counts the lines on which a rule took long.

    Args:
        counts: how many slow lines there were, by the rule's number as text; updated in place.
        clock: gives seconds of processor time.
    """

    def __init__(self, counts: dict[str, int], clock: Callable[[], float] = time.thread_time) -> None:
        self.counts = counts
        self._clock = clock

    def timed(self, number: int, find: Callable[[], Result]) -> Result:
        """Run a rule on a line and measure how long that takes."""
        begin = self._clock()
        found = find()
        if self._clock() - begin > SLOW:
            self.counts[str(number)] = self.counts.get(str(number), 0) + 1
        return found


def too_slow(counts: Mapping[str, int]) -> list[int]:
    """The numbers of the rules that were slow again and again, from what `Slowness` counted."""
    return [int(number) for number, lines in counts.items() if lines >= AGAIN]


def without(rules: Sequence[Any], numbers: Collection[int]) -> list[Any]:
    """The same rules, with those of these numbers switched off."""
    return [{**rule, "off": True} if number in numbers else rule for number, rule in enumerate(rules)]
