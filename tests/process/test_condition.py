"""The condition that the listener and those who wait for it share."""

from __future__ import annotations

import threading
import time

import pytest

from tests.patience import PATIENCE, wait_until
from wandb_logging._process.condition import Condition
from wandb_logging._values.reentrant import is_mine


def test_a_call_wakes_who_waits() -> None:
    """Who waits has let go of the lock, however often it is held, and holds it as often afterwards."""
    changed, told, seen = Condition(), [False], []

    def work() -> None:
        with changed, changed:
            seen.append(changed.wait_for(lambda: told[0], PATIENCE))
            changed._lock.release()
            seen.append(is_mine(changed._lock))
            changed._lock.acquire()

    thread = threading.Thread(target=work)
    thread.start()
    wait_until(lambda: changed._waiters)
    with changed:
        told[0] = True
        changed.notify_all()
        assert not seen  # the lock is still held here
    thread.join(PATIENCE)
    assert seen == [True, True]


def test_a_wait_has_an_end() -> None:
    """Without a call it ends with its timeout, and says that nothing has happened."""
    changed = Condition()
    began = time.monotonic()
    with changed:
        assert changed.wait_for(lambda: False, 0.02) is False
        assert changed.wait_for(lambda: True) is True
    assert time.monotonic() - began >= 0.02


def test_locks_that_are_replaced_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """It waits with the kind of locks that was there when it was made."""
    changed = Condition()

    def refused() -> None:
        raise AssertionError("a lock of another kind")

    monkeypatch.setattr(threading, "Lock", refused)
    monkeypatch.setattr(threading, "_allocate_lock", refused)
    with changed:
        assert not changed.wait_for(lambda: False, 0.001)


def test_a_handler_that_interrupted_the_holder_leaves_the_lock_to_others() -> None:
    """So that what the handler waits for can happen; afterwards the holder has the lock as often as before."""
    changed, came = Condition(), threading.Event()

    def other() -> None:
        with changed:
            came.set()

    def has_come() -> bool:
        changed.make_way()
        return came.is_set()

    thread = threading.Thread(target=other)
    with changed, changed:
        thread.start()
        wait_until(has_come)
        changed._lock.release()
        assert is_mine(changed._lock)
        changed._lock.acquire()
    thread.join(PATIENCE)
    assert not is_mine(changed._lock)
    changed.make_way()  # by somebody who does not hold it
