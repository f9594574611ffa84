"""A condition that threads wait for, which also holds where gevent or eventlet comes into a program late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from wandb_logging._values.reentrant import is_mine, is_native, new_lock, of_child

_SLICE = 0.5  # seconds from one look to the next where a call may get lost
_MOMENT = 0.02  # seconds; who looks for a lock that is taken looks again after 5 ms at most


class Condition:
    """A lock, and a call to all who wait for a change under it.

    `threading.Condition` waits with whatever locks `threading` has when the wait begins. A library that replaces them
    meanwhile splits those who wait from those who call. This one keeps to the kind that was there when it was made,
    which is the kind of the thread that the listener runs on. Where these are not Python's own, a call from another
    thread may get lost; who waits looks for himself, then.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        self._new_waiter = threading.Lock
        self.is_native = is_native()
        self._waiters: list[Any] = []

    def after_fork_in_child(self) -> None:
        """Free the lock, and forget those who wait: they are threads of the parent."""
        self._lock = of_child(self._lock)
        if self._waiters:
            self._waiters = []

    def __enter__(self) -> None:
        self._lock.__enter__()

    def __exit__(self, *error: object) -> None:
        self._lock.__exit__(*error)

    def wait_for(self, happened: Callable[[], bool], timeout: float | None = None) -> bool:
        """Wait until something has happened, for at most `timeout` seconds. The lock is free meanwhile.

        Returns what `happened` returned at the end. It is called with the lock held.
        """
        until = None if timeout is None else time.monotonic() + timeout
        while not (result := happened()):
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                break
            lengths = [length for length in (left, None if self.is_native else _SLICE) if length is not None]
            self._wait(min(lengths, default=-1.0))
        return result

    def _wait(self, seconds: float) -> None:
        waiter = self._new_waiter()
        waiter.acquire()
        self._waiters.append(waiter)
        held = self._lock._release_save()  # noqa: SLF001  however often it is held; threading.Condition does so, too
        try:
            waiter.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
        finally:
            self._lock._acquire_restore(held)  # noqa: SLF001
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def make_way(self) -> None:
        """If this thread holds the lock, leave it to others for a moment. For a signal handler that waits for them.

        Such a handler may have interrupted whoever holds the lock, which is this very thread.
        """
        if is_mine(self._lock):
            held = self._lock._release_save()  # noqa: SLF001
            try:
                time.sleep(_MOMENT)
            finally:
                self._lock._acquire_restore(held)  # noqa: SLF001

    def notify_all(self) -> None:
        """Have all who wait look again. The lock must be held."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.release()
