"""Forks of a process that writes: writers are told of them, and share with their children which numbers are taken.

The numbers are in shared memory. A thousand children that each looked through the directory for the next free number
would look at a million names.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from wandb_logging._values.alive import Alive

if TYPE_CHECKING:
    from collections.abc import Callable
    from mmap import mmap
    from typing import Protocol

    from wandb_logging._journal.members import Note, Standing

    class Forkable(Protocol):
        """An object that has to know of forks."""

        def before_fork(self) -> None:
            """Called in the parent, before each fork."""

        def after_fork_in_child(self) -> None:
            """Called in each child."""


_SIZE = 8
_MANY = 200  # children that begin before a round is made for them: it opens their files, and forces them to the disk


_forkables: Alive[Forkable] = Alive()


def tell_of_forks(one: Forkable) -> None:
    """Have the methods of an object called at each fork, as long as it lives."""
    _forkables.add(one)


class Family:
    """The latest number that one of a family has taken. Two may read the same: the name of a lock file is made once.

    Args:
        latest: the number of the first of them, above all that were taken before.
        standing: what a child is in the run.
        note: what the lock file of a child says, but for the child's process id, which is 0 here.

    Attributes:
        standing, note: the given ones.
    """

    def __init__(self, latest: int, standing: Standing, note: Note) -> None:
        from mmap import mmap  # noqa: PLC0415  programs that do not fork need none

        self._shared: mmap = mmap(-1, _SIZE)
        self.has_taken(latest)
        self._heeded = latest
        self.standing = standing
        self.note = note
        self._before, self._behind = _around_process(note)

    @property
    def latest(self) -> int:
        """That number."""
        return int.from_bytes(self._shared[:_SIZE], "little")

    def text(self, process: int) -> str:
        """The content of a child's lock file. To make it of its parts in each child would copy 30 pages there."""
        return f"{self._before}{process}{self._behind}"

    def has_taken(self, number: int) -> None:
        """Tell the others."""
        self._shared[:_SIZE] = number.to_bytes(_SIZE, "little")

    def tell_if_many_came(self, tell: Callable[[], bool]) -> None:
        """Call `tell` if many numbers were taken since it last returned True."""
        latest = self.latest
        if latest >= self._heeded + _MANY and tell():
            self._heeded = latest


def _around_process(note: Note) -> tuple[str, str]:
    """What stands before and behind the process id in a note that has 0 in its place."""
    named = '"pid":'
    before, _, behind = note.text.partition(f"{named}0")
    return before + named, behind


def _before_fork() -> None:
    for one in _forkables.all():
        one.before_fork()


def _after_fork_in_child() -> None:
    for one in _forkables.all():
        one.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
