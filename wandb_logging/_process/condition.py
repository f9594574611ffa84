"""A condition that threads wait for, which also holds where gevent or eventlet comes into a program late."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from wandb_logging._values.reentrant import LookingLock, is_native

_SLICE = 0.5  # seconds from one look to the next where a call may get lost


class Condition(LookingLock):
    """A lock, and a call to all who wait for a change under it.

    `threading.Condition` waits with whatever locks `threading` has when the wait begins. A library that replaces them
    meanwhile splits those who wait from those who call. This one keeps to the kind that was there when it was made,
    which is the kind of the thread that the listener runs on. Where these are not Python's own, a call from another
    thread may get lost; who waits looks for himself, then.
    """

    def __init__(self) -> None:
        super().__init__()
        self._new_waiter = threading.Lock
        self.is_native = is_native()
        self._waiters: list[Any] = []

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
        depth, self._depth = self._depth, 1
        self.release()
        try:
            waiter.acquire(timeout=min(seconds, threading.TIMEOUT_MAX))
        finally:
            self.acquire()
            self._depth = depth
            if waiter in self._waiters:
                self._waiters.remove(waiter)

    def notify_all(self) -> None:
        """Have all who wait look again. The lock must be held."""
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            waiter.release()
