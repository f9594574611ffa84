"""Reentrant locks: whether this thread holds one, and letting go of what an exception left held."""

from __future__ import annotations

import sys
from typing import Any


def is_mine(lock: Any) -> bool:
    """Whether this very thread holds a reentrant lock, as a finaliser or a signal's handler may find it."""
    mine: bool = lock._is_owned()  # noqa: SLF001  what threading.Condition asks, too
    return mine


def let_go(lock: Any) -> None:
    """Release a reentrant lock as often as this thread holds it.

    `with lock` releases it after its block. An exception that comes between these two, as Ctrl-C can in Python 3.9,
    leaves it held: this thread would not notice, and all others wait for ever.
    """
    while is_mine(lock):
        lock.release()


def let_go_unless_within(lock: Any, owner: object) -> None:
    """The same, unless a method of the lock's owner needs it that is under way: one that called who calls this."""
    frame = sys._getframe(1).f_back  # noqa: SLF001  there is no other way to ask who calls
    while frame is not None:
        if frame.f_locals.get("self") is owner:
            return
        frame = frame.f_back
    let_go(lock)
