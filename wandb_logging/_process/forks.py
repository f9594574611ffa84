"""Forks wait while a thread does what a child could not go on with: half an import, half a run.

A forked child has the memory of all threads and only one of them. A module that another thread was importing stays
half a module there, for ever.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator

from wandb_logging._values.reentrant import is_mine, let_go

_PATIENCE = 10.0  # seconds a fork waits at most
_LOOK = 0.001  # seconds between two looks

# Held for a moment by who begins or ends such work, and by a fork until it is done: reentrant, because a hook of the
# program may log.
_gate = threading.RLock()
_busy: dict[int, int] = {}  # idents of threads at such work, and how deep they are in it


@contextlib.contextmanager
def held_off() -> Iterator[None]:
    """Let no other thread fork for the length of a block, as long as that takes no more than ten seconds."""
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
    """How deep this thread is in such work."""
    return _busy.get(threading.get_ident(), 0)


def back_to(depth: int) -> None:
    """Be as deep in such work as that: an exception can come while a block is left."""
    ident = threading.get_ident()
    if depth > 0:
        _busy[ident] = depth
    else:
        _busy.pop(ident, None)


def _before() -> None:
    """Wait for others, and keep the gate so that nobody begins."""
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
    with contextlib.suppress(RuntimeError):  # it was waited for in vain
        _gate.release()


def _after_in_child() -> None:
    global _gate  # noqa: PLW0603  whoever held it stayed in the parent
    _gate = threading.RLock()
    depth = _busy.get(threading.get_ident())  # the thread that forked is there, with the same ident
    _busy.clear()
    if depth:
        _busy[threading.get_ident()] = depth


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
