"""How long the last rank that is there waits for ranks of its launch that have not begun: the run would end and go on.

Ranks start together, and come to their first record one after the other. How long that takes is known from the rank
itself: from its start to its own first record. The others get twice as long after that. So a rank of a short program
waits for a moment, on a busy machine for some seconds, and one that has logged for longer does not wait.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from pathlib import Path

from wandb_logging._journal.members import Members

MOST = 5.0  # seconds: a rank that does not log, or has died before its first record, delays no end for longer
_TIMES = 2  # as often as this rank took to begin
_LOOK = 0.05  # seconds between two looks whether a rank has come


def seconds_since_start() -> float | None:
    """Age of this process in seconds; None where the system does not tell (only Linux does without help)."""
    with contextlib.suppress(OSError, IndexError, ValueError, AttributeError):
        stat = Path("/proc/self/stat").read_text("utf-8", "replace")
        began = int(stat.rpartition(")")[2].split()[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - began
    return None


class Latecomers:
    """The ranks of a launch that have not begun to log. Made with the first record of this one.

    Args:
        of: number of ranks in the launch; 0 for a process that is no rank.
        rank: this one, as `_journal.members.Note` has it.
        age: seconds since this process started; None if that is not known.
        now: the present time, in seconds of a monotonic clock.
    """

    def __init__(self, of: int, rank: str, age: float | None, now: float) -> None:
        self._of = of if rank and age is not None else 0
        self._launch = rank.rpartition("-")[0]
        self._until = now + min(MOST, _TIMES * (age or 0.0))

    def seconds_left(self, now: float) -> float:
        """Seconds for which they are waited for from now on, if the run had to end without them; not below 0."""
        return max(0.0, self._until - now) if self._of else 0.0

    def is_any_expected(self, others: Members) -> bool:
        """Whether one may come, and none is there that would go on with the run.

        Args:
            others: the members of the run without this one.
        """
        if others.living():
            return False
        come = {note.rank for note in others.latest_of(self._launch)}
        return len(come) + 1 < self._of


def wait_for(
    latecomers: Latecomers, others: Callable[[], Members | None], most: float, meanwhile: Callable[[], object]
) -> None:
    """Wait until a rank has come, or none is expected any more.

    Args:
        latecomers: the ranks that have not begun.
        others: looks for the members of the run without this one.
        most: most seconds to wait.
        meanwhile: called once, if there is anything to wait for.
    """
    until = time.monotonic() + min(most, latecomers.seconds_left(time.monotonic()))
    waits = False
    while (left := until - time.monotonic()) > 0:
        members = others()
        if members is None or not latecomers.is_any_expected(members):
            return
        if not waits:
            waits = True
            meanwhile()
        time.sleep(min(left, _LOOK))
