"""Makes forks wait while a thread does what a child could not continue: half an import, or half the start of a run.

A forked child has the memory of all threads but only one of the threads. If another thread was importing a module, the
child has half of that module for ever.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator

from wandb_logging._values.reentrant import LookingLock, is_mine, let_go

_PATIENCE = 10.0  # seconds a fork waits at most
_LOOK = 0.001  # seconds between two looks

# Held for a moment by a thread that begins or ends such work, and by a fork until it is done. Reentrant, because a
# hook of the program may log.
_gate = LookingLock()
_busy: dict[int, int] = {}  # ident of a thread that does such work -> how many blocks it is in


@contextlib.contextmanager
def held_off() -> Iterator[None]:
    """Let no other thread fork during a block, for at most ten seconds."""
    ident, before, within = threading.get_ident(), depth(), is_mine(_gate)
    try:
        with _gate:
            _busy[ident] = before + 1
        yield
    except BaseException:
        if not within:
            let_go(_gate)
        raise
    finally:
        back_to(before)


def depth() -> int:
    """How many such blocks this thread is in."""
    return _busy.get(threading.get_ident(), 0)


def back_to(depth: int) -> None:
    """Restore this thread's number of blocks: an exception may come while a block is being left."""
    ident = threading.get_ident()
    if depth > 0:
        _busy[ident] = depth
    else:
        _busy.pop(ident, None)


def _before() -> None:
    """Wait for other threads, and keep the gate, so that no thread begins such work."""
    ident, until = threading.get_ident(), time.monotonic() + _PATIENCE
    while True:
        if _gate.acquire(timeout=_PATIENCE):
            if not _busy.keys() - {ident} or time.monotonic() >= until:
                return
            _gate.release()
        elif time.monotonic() >= until:
            return
        time.sleep(_LOOK)


def _after_in_parent() -> None:
    try:  # noqa: SIM105  after a fork each object that is made costs a page
        _gate.release()
    except RuntimeError:  # the wait was in vain
        pass


def _after_in_child() -> None:
    global _gate  # noqa: PLW0603  its holder may be a thread of the parent
    try:
        _gate.release()
    except RuntimeError:  # the wait was in vain
        _gate = LookingLock()
    if _busy:
        for ident in _busy.keys() - {threading.get_ident()}:  # the forking thread is in the child, with the same ident
            del _busy[ident]


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
