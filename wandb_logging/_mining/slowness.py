"""Which rules take long again and again. Only expressions that users write can: the other forms pass over a line once.

It is the processor's time of this thread that counts. How busy a machine is does not make a rule slow.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar

Result = TypeVar("Result")

SLOW = 0.01  # seconds for one line
AGAIN = 20  # lines


class Slowness:
    """Counts the lines on which a rule took long.

    Args:
        counts: how many there were, by the rule's number as text; it is kept up to date.
        clock: seconds of processor time.
    """

    def __init__(self, counts: dict[str, int], clock: Callable[[], float] = time.thread_time) -> None:
        self.counts = counts
        self._clock = clock

    def timed(self, number: int, find: Callable[[], Result]) -> Result:
        """What a rule finds in a line."""
        begin = self._clock()
        found = find()
        if self._clock() - begin > SLOW:
            self.counts[str(number)] = self.counts.get(str(number), 0) + 1
        return found


def too_slow(counts: Mapping[str, int]) -> list[int]:
    """The numbers of the rules that are slow again and again, by what `Slowness` counted."""
    return [int(number) for number, lines in counts.items() if lines >= AGAIN]


def without(rules: Sequence[Any], numbers: Collection[int]) -> list[Any]:
    """The same rules, those with these numbers off."""
    return [{**rule, "off": True} if number in numbers else rule for number, rule in enumerate(rules)]
