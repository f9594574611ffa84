"""The thread behind a run: a `QueueListener` that handles no records, but calls `work` again and again."""

from __future__ import annotations

import contextlib
import math
import os
import threading
import time
from collections.abc import Callable, Iterator
from logging.handlers import QueueListener
from typing import Any

from wandb_logging._process.condition import Condition
from wandb_logging._process.switch_interval import short_turns
from wandb_logging._values.reentrant import new_lock, of_child

_LOOK = 0.8  # seconds between two checks whether to keep waiting: a person hears of the wait within the first second
# Seconds that a thread which only sleeps needs to end. If it still wants the interpreter's lock at the very end,
# CPython before 3.10.8 may wait for it for ever (CPython issue 96387).
_WAY_OUT = 0.05

own_threads: set[int] = set()
"""Idents of the threads that now work for a listener."""


def on_own_thread() -> bool:
    """Whether this thread works for a listener. Text logged on such a thread does not become part of the run."""
    return threading.get_ident() in own_threads


if hasattr(os, "register_at_fork"):  # in a child, other threads may get these idents
    os.register_at_fork(after_in_child=own_threads.clear)


@contextlib.contextmanager
def as_own_thread() -> Iterator[None]:
    """Treat the caller's thread as the listener's inside the `with`: it makes requests, and `requests` logs them."""
    ident = threading.get_ident()
    nested = ident in own_threads
    own_threads.add(ident)
    try:
        yield
    finally:
        if not nested:
            own_threads.discard(ident)


def _is_main() -> bool:
    """Whether this is the main thread, in whichever of its greenlets."""
    return threading.get_native_id() == threading.main_thread().native_id


class _Bell:
    """The listener's queue. The records are in the journal; this queue only has the numbers of requested rounds."""

    def __init__(self) -> None:
        self.changed = Condition()
        self.asked = 0  # number of the latest requested round
        self.done = 0  # number of the latest finished round
        self.moved = False  # whether the due time of the next round has changed
        self.stopping = False
        self.over = False  # whether the last round is finished
        self.deadlines: list[float] = []  # deadlines of all callers that wait for a round; monotonic time

    def ring(self) -> int:
        """Request a round now. Returns its number."""
        with self.changed:
            self.asked += 1
            self.changed.notify_all()
            return self.asked

    def latest(self) -> float | None:
        """The latest deadline of all callers that wait; None if nobody waits, or if one waits without a deadline."""
        latest = max(self.deadlines, default=math.inf)
        return None if latest == math.inf else latest

    def put_nowait(self, _sentinel: None) -> None:
        """Take the request to end, which `QueueListener.stop` puts here."""
        with self.changed:
            self.stopping = True
            self.changed.notify_all()


class Listener(QueueListener):
    """Calls `work` at each interval, and at once on request.

    Args:
        work: one round; must not raise.
        interval: returns the seconds between two rounds; None waits for a request.
        at_end: called once, after the last round, on the thread that made it.
    """

    def __init__(
        self, work: Callable[[], object], interval: Callable[[], float | None], at_end: Callable[[], object]
    ) -> None:
        self._bell = _Bell()
        super().__init__(self._bell)  # type: ignore[arg-type]  # only the queue methods that are used
        self._work = work
        self._interval = interval
        self._at_end = at_end
        self._started = False
        self._last: threading.Thread | None = None  # a thread that `finish` did not wait for
        self._round = new_lock()
        self._first = True

    # --- called by QueueListener's own loop, on its thread ---

    def dequeue(self, block: bool) -> Any:  # noqa: ARG002, FBT001  the signature of QueueListener
        """Wait until a round is due. Returns its number, or None, QueueListener's sentinel, to end."""
        own_threads.add(threading.get_ident())
        bell = self._bell
        with bell.changed:
            # The first round is due at once: people look at the page as soon as their program runs.
            if not self._first:
                self._wait_until_due(bell)
            self._first = False
            if bell.stopping and bell.asked == bell.done:
                bell.over = True
                self._at_end()
                own_threads.discard(threading.get_ident())
                return None  # QueueListener's sentinel
            return bell.asked

    def _wait_until_due(self, bell: _Bell) -> None:
        while bell.asked == bell.done and not bell.stopping:
            bell.moved = False
            if not bell.changed.wait_for(
                lambda: bell.asked != bell.done or bell.stopping or bell.moved, self._interval()
            ):
                return

    def handle(self, record: Any) -> None:
        """Make one round."""
        bell = self._bell
        with self._round, short_turns():
            self._work()
        with bell.changed:
            bell.done = max(bell.done, record)
            bell.changed.notify_all()

    # --- called by the run ---

    @property
    def asked(self) -> bool:
        """Whether somebody requested the current round and waits for it."""
        return self._bell.asked != self._bell.done

    def wake(self) -> None:
        """Request a round soon, without waiting for it."""
        self._bell.ring()

    def reconsider(self) -> None:
        """Compute again when the next round is due, because that may have changed."""
        with self._bell.changed:
            self._bell.moved = True
            self._bell.changed.notify_all()

    def hurry(self, deadline: float) -> None:
        """Request a round now, without waiting for it. The round hurries until the deadline (monotonic) or `calm`."""
        with self._bell.changed:
            self._bell.deadlines.append(deadline)
            self._bell.ring()

    def calm(self, deadline: float) -> None:
        """Take back a `hurry`. Harmless if it has been taken back already."""
        with self._bell.changed:
            if deadline in self._bell.deadlines:
                self._bell.deadlines.remove(deadline)

    def start(self) -> None:
        """Start the thread, once. If the thread cannot start, `running` is False and `ask` makes rounds itself.

        A thread cannot start at interpreter exit (from Python 3.12 on), in some subinterpreters, and above a limit
        on the number of threads. None is started where it would be a greenlet of another thread than the main one, such
        as those of gevent's pool: while that thread has nothing to do, nobody runs its greenlets.
        """
        if self._started:
            return
        self._started = True
        if not (self._bell.changed.is_native or _is_main()):
            self._thread = None
            return
        try:
            super().start()
        except RuntimeError:
            self._thread = None

    def restart(self) -> None:
        """Continue after `finish`: with the same thread if it is still in its last round, else with another one."""
        bell, last = self._bell, self._last
        with bell.changed:
            if not bell.over and last is not None and last.is_alive():
                bell.stopping = False
                self._thread = last
                return
        self._begin_anew()
        self.start()

    @property
    def running(self) -> bool:
        """Whether the thread is alive."""
        thread: threading.Thread | None = getattr(self, "_thread", None)
        return thread is not None and thread.is_alive()

    def ask(self, deadline: float | None, enough: Callable[[], bool] | None = None) -> bool:
        """Request a round that begins after this call, and wait for it. Returns whether the round ended in time.

        Args:
            deadline: monotonic time; None waits without limit.
            enough: called about once a second during the wait; returns whether to stop waiting.
        """
        if on_own_thread():
            self._work()  # called from the user's on_stop on our own thread, which cannot wait for itself
            return True
        bell = self._bell
        limit = math.inf if deadline is None else deadline
        with bell.changed:
            bell.deadlines.append(limit)
        try:
            number = bell.ring()
            if not self.running:
                return self._round_here(number)
            while not self._is_done(number, min(limit, time.monotonic() + _LOOK) if enough else limit):
                if enough is None or time.monotonic() >= limit or enough():
                    return False
            return True
        finally:
            with bell.changed:
                bell.deadlines.remove(limit)

    def _is_done(self, number: int, deadline: float) -> bool:
        """Wait for a round until the deadline. Returns whether the round is finished."""
        bell = self._bell
        with bell.changed:
            left = None if deadline == math.inf else max(0.0, deadline - time.monotonic())
            return bell.changed.wait_for(lambda: bell.done >= number, left)

    def _round_here(self, number: int) -> bool:
        """Make a round on the caller's thread, which counts as the listener's meanwhile."""
        with as_own_thread():
            self.handle(number)
        return True

    def finish(self, deadline: float | None) -> None:
        """End the thread after its current round. Waits until the deadline (monotonic), or a moment if it is over."""
        self.enqueue_sentinel()
        thread: threading.Thread | None = getattr(self, "_thread", None)
        self._last = thread
        if thread is None or not thread.is_alive():
            self._at_end()
        elif not on_own_thread():
            thread.join(None if deadline is None else max(_WAY_OUT, deadline - time.monotonic()))
        self._thread = None

    def enqueue_sentinel(self) -> None:
        """Ask the loop to end."""
        self._bell.put_nowait(None)

    def sleep(self, seconds: float) -> None:
        """Wait between two tries of a request. The wait ends early for a requested round or the listener's end."""
        bell = self._bell
        with bell.changed:
            asked, latest = bell.asked, bell.latest()
            if latest is not None:
                seconds = min(seconds, max(0.0, latest - time.monotonic()))
            bell.changed.wait_for(lambda: bell.asked != asked or bell.stopping, seconds)

    def make_way(self) -> None:
        """Let the thread go on for a moment, though a signal handler may have interrupted what it waits for."""
        self._bell.changed.make_way()

    def out_of_time(self) -> bool:
        """Whether to stop trying: the listener is to end, or the latest deadline of all waiting callers has passed."""
        latest = self._bell.latest()
        return self._bell.stopping or (latest is not None and time.monotonic() >= latest)

    def after_fork_in_child(self) -> None:
        """Free the locks that the thread may have held, which a child does not have."""
        self._bell.changed.after_fork_in_child()
        self._round = of_child(self._round)
        self._last, self._thread = self._thread, None

    def _begin_anew(self) -> None:
        """Forget the thread, and who waits for it."""
        self._last = None
        self._bell = _Bell()
        self.queue = self._bell  # type: ignore[assignment]
        self._round = new_lock()
        self._thread = None
        self._started = False
        self._first = True
