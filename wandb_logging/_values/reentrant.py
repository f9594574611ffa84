"""Asks whether this thread holds a reentrant lock, and releases one that an exception has left held."""

from __future__ import annotations

import sys
from typing import Any


def is_mine(lock: Any) -> bool:
    """Whether this very thread holds a reentrant lock: it may, where a finaliser or a signal handler logs."""
    mine: bool = lock._is_owned()  # noqa: SLF001  threading.Condition asks this, too
    return mine


def let_go(lock: Any) -> None:
    """Release a reentrant lock as often as this thread holds it.

    `with lock` releases the lock after its block. An exception between the block and the release, as Ctrl-C can be in
    Python 3.9, leaves the lock held: this thread would not notice, and all others would wait for ever.
    """
    while is_mine(lock):
        lock.release()


def let_go_unless_within(lock: Any, owner: object) -> None:
    """As `let_go`, unless a method of the lock's owner is among the callers' callers: that one still needs the lock."""
    frame = sys._getframe(1).f_back  # noqa: SLF001  there is no other way to ask who calls
    while frame is not None:
        if frame.f_locals.get("self") is owner:
            return
        frame = frame.f_back
    let_go(lock)
