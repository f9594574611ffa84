"""Makes forks wait while a thread does what a child could not continue: half an import, or half the start of a run.

A forked child has the memory of all threads but only one of the threads. If another thread was importing a module, the
child has half of that module for ever. For a moment they also wait for a thread that would be slowed down much: after
each fork all that it writes to is copied once more.
"""

from __future__ import annotations

import contextlib
import math
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
_until: dict[int, float] = {}  # ident of such a thread -> monotonic time from which a fork does not wait for it


@contextlib.contextmanager
def held_off(most: float = math.inf) -> Iterator[None]:
    """Let no other thread fork during a block.

    Args:
        most: seconds after which a fork does not wait any longer; in any case it waits for ten at most.
    """
    ident, before, within = threading.get_ident(), depth(), is_mine(_gate)
    outer = _until.get(ident, 0.0) if before else 0.0
    try:
        with _gate:
            _until[ident] = max(outer, time.monotonic() + most)
            _busy[ident] = before + 1
        yield
    except BaseException:
        if not within:
            let_go(_gate)
        raise
    finally:
        _until[ident] = outer
        back_to(before)


def wait_no_longer() -> None:
    """Let other threads fork, though this one is in such a block."""
    if threading.get_ident() in _until:
        _until[threading.get_ident()] = 0.0


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
        _until.pop(ident, None)


def _is_waited_for(ident: int) -> bool:
    """Whether a thread does such work, other than the one of that ident, which is about to fork."""
    others = _busy.keys() - {ident}
    return bool(others) and max(_until.get(other, math.inf) for other in others) > time.monotonic()


def _before() -> None:
    """Wait for other threads, and keep the gate, so that no thread begins such work."""
    ident, until = threading.get_ident(), time.monotonic() + _PATIENCE
    while True:
        if _gate.acquire(timeout=_PATIENCE):
            if not _is_waited_for(ident) or time.monotonic() >= until:
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
