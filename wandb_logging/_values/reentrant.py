"""Reentrant locks: one that holds where greenlets stand in for threads, whose lock it is, and how to let go of it."""

from __future__ import annotations

import _thread
import sys
import threading
import time
from types import CodeType
from typing import Any, TypeVar

_Method = TypeVar("_Method")
_SOON, _LATE = 0.0001, 0.005  # seconds from one look at a lock that is taken to the next: at first, and at most


def is_native() -> bool:
    """Whether the locks of `threading` are Python's own, and not those of gevent or eventlet."""
    return type(threading.RLock()) is _thread.RLock


def new_lock() -> Any:
    """A reentrant lock: Python's own, or a `LookingLock` where gevent or eventlet has replaced Python's."""
    lock: Any = threading.RLock()
    return lock if type(lock) is _thread.RLock else LookingLock()


class LookingLock:
    """A reentrant lock that is never waited for: who finds it taken looks again, and sleeps in between.

    The locks of gevent and eventlet wake who waits through the loop of the thread that waits. Between threads the call
    gets lost: a native thread waits for ever for a lock that is free. Python's own locks stop all greenlets of a
    thread, among them the one that holds the lock. To sleep is right for both: it lets all others run.
    Methods, arguments and errors are those of `threading.RLock`.
    """

    def __init__(self) -> None:
        # Under one key the holder, as a tuple with its ident: `setdefault` is one step for all threads.
        self._holder: dict[str, tuple[int]] = {}
        # Of each `acquire` that was not given back, whether it took the lock or had it before. A signal handler that
        # uses the lock between any two steps of these methods leaves everything as it was.
        self._took: list[bool] = []

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:  # noqa: FBT001, FBT002  as RLock has it
        """Take the lock. Returns whether it is taken now."""
        mine, pause = (threading.get_ident(),), _SOON
        until = time.monotonic() + timeout if blocking and timeout >= 0 else None
        while (holder := self._holder.setdefault("it", mine)) != mine:
            if not blocking or (until is not None and time.monotonic() >= until):
                return False
            time.sleep(pause)
            pause = min(2 * pause, _LATE)
        self._took.append(holder is mine)
        return True

    def release(self) -> None:
        """Give one `acquire` back. RuntimeError if this thread does not hold the lock."""
        if self._holder.get("it") != (threading.get_ident(),):  # `_is_owned`, without a call: a fork does this
            raise RuntimeError("cannot release un-acquired lock")
        if not self._took or self._took.pop():  # there is none after an exception between two steps of `acquire`
            del self._holder["it"]

    def __enter__(self) -> bool:
        return self.acquire()

    def __exit__(self, *_error: object) -> None:
        self.release()

    def _is_owned(self) -> bool:
        return self._holder.get("it") == (threading.get_ident(),)

    def _at_fork_reinit(self) -> None:
        """In a forked child: forget who holds the lock."""
        self._holder.clear()
        self._took.clear()

    def _release_save(self) -> list[bool]:
        """Release the lock, however often it is held. Returns what `_acquire_restore` takes."""
        took, self._took = self._took, []
        del self._holder["it"]
        return took

    def _acquire_restore(self, took: list[bool]) -> None:
        """Take the lock again as often as it was held."""
        self.acquire()
        self._took = took


def of_child(lock: Any) -> Any:
    """In a forked child: the lock, free, whichever thread of the parent held it. Another one if this thread is within.

    As a rule it stays the same object: to make one and free the other writes to pages that the kernel copies first.
    """
    if lock._is_owned():  # noqa: SLF001  `is_mine`, without a call
        return new_lock()
    lock._at_fork_reinit()  # noqa: SLF001  as the standard library does with its own locks
    return lock


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


_lockless: set[CodeType] = set()  # of methods that hold no lock when they call another one of their object


def lockless(method: _Method) -> _Method:
    """Mark a method that calls another one, which takes the object's lock, without holding the lock itself."""
    _lockless.add(method.__code__)  # type: ignore[attr-defined]  # a function
    return method


def let_go_unless_within(lock: Any, owner: object) -> None:
    """As `let_go`, unless a method of the lock's owner is among the callers' callers: that one still needs the lock.

    Methods marked `lockless` do not.
    """
    frame = sys._getframe(1).f_back  # noqa: SLF001  there is no other way to ask who calls
    while frame is not None:
        if frame.f_locals.get("self") is owner and frame.f_code not in _lockless:
            return
        frame = frame.f_back
    let_go(lock)
