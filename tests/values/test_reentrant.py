"""The lock for programs whose locks are not Python's own."""

from __future__ import annotations

import itertools
import os
import sys
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging._values.reentrant import LookingLock, is_mine, let_go, new_lock, of_child

FORKS = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")


@given(st.lists(st.sampled_from(["acquire", "try", "release"]), max_size=12))
def test_it_does_what_python_s_own_does(steps: list[str]) -> None:
    """Taken and given back in any order by one thread, it answers and raises as `threading.RLock`."""
    own, ours = threading.RLock(), LookingLock()

    def result(lock: object, step: str) -> object:
        try:
            if step == "release":
                return lock.release()  # type: ignore[attr-defined]
            return lock.acquire(step == "acquire")  # type: ignore[attr-defined]
        except RuntimeError as exc:
            return str(exc)

    for step in steps:
        assert result(ours, step) == result(own, step)
        assert is_mine(ours) == is_mine(own)
    let_go(ours)
    assert not is_mine(ours)


def others_may(lock: LookingLock) -> bool:
    """Whether another thread could take the lock now."""
    results: list[bool] = []

    def work() -> None:
        if lock.acquire(blocking=False):
            lock.release()
            results.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(PATIENCE)
    return bool(results)


def test_a_signal_handler_that_uses_it_leaves_it_as_it_was() -> None:
    """Between any two instructions of `acquire` and `release`, as a record does that a handler logs."""
    codes = {LookingLock.acquire.__code__, LookingLock.release.__code__}
    for place in itertools.count():
        lock, instructions = LookingLock(), itertools.count()
        reached = False

        def at(frame: Any, event: str, _: object, lock: LookingLock = lock, place: int = place) -> Any:
            nonlocal reached
            if frame.f_code not in codes:
                return None
            frame.f_trace_opcodes = True
            if event == "opcode" and next(instructions) == place:  # noqa: B023
                reached = True
                with lock:
                    pass
            return at

        before = sys.gettrace()
        sys.settrace(at)
        try:
            lock.acquire()
            sys.settrace(before)
            held = is_mine(lock) and not others_may(lock)
            sys.settrace(at)
            lock.release()
        finally:
            sys.settrace(before)
        assert held, place
        assert not is_mine(lock), place
        assert others_may(lock), place
        if not reached:
            assert place > 20
            return


def test_one_thread_at_a_time() -> None:
    """What threads do within the lock does not interleave."""
    lock, within, most, together = LookingLock(), [0], [0], threading.Barrier(4)

    def work() -> None:
        together.wait(PATIENCE)
        for _ in range(200):
            with lock, lock:
                within[0] += 1
                most[0] = max(most[0], within[0])
                time.sleep(0)  # let others come
                within[0] -= 1

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert (within, most) == ([0], [1])


def test_a_wait_has_an_end() -> None:
    """Another thread's lock is not taken, at once or until the timeout is over, and cannot be released."""
    lock, results = LookingLock(), []

    def work() -> None:
        results.append(lock.acquire(blocking=False))
        began = time.monotonic()
        results.append(lock.acquire(timeout=0.02))
        results.append(time.monotonic() - began >= 0.02)
        with pytest.raises(RuntimeError):
            lock.release()
        results.append(is_mine(lock))

    with lock:
        thread = threading.Thread(target=work)
        thread.start()
        thread.join(PATIENCE)
    assert results == [False, False, True, False]


def test_python_s_own_where_it_is_there() -> None:
    """Programs without such a library have Python's own locks."""
    assert type(new_lock()) is type(threading.RLock())


@FORKS
@pytest.mark.parametrize("kind", [threading.RLock, LookingLock])
def test_in_a_forked_child_it_is_free(kind: Callable[[], Any]) -> None:
    """A child takes a lock that another thread of the parent holds, and the parent's stays taken."""
    lock, taken, over = kind(), threading.Event(), threading.Event()

    def hold() -> None:
        with lock, lock:
            taken.set()
            over.wait(PATIENCE)

    thread = threading.Thread(target=hold)
    thread.start()
    assert taken.wait(PATIENCE)
    child = os.fork()
    if not child:
        free = of_child(lock)
        os._exit(0 if free is lock and free.acquire(blocking=False) and is_mine(free) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert not lock.acquire(blocking=False)
    over.set()
    thread.join(PATIENCE)


@FORKS
@pytest.mark.parametrize("kind", [threading.RLock, LookingLock])
def test_who_forks_within_it_leaves_it_as_ever(kind: Callable[[], Any]) -> None:
    """A fork in the middle of a block: the block ends without an error in the child, whose lock is free meanwhile."""
    lock = kind()
    with lock:
        child = os.fork()
        if not child:
            free = of_child(lock)
            was_mine = is_mine(free)
    if not child:
        os._exit(0 if not was_mine and not is_mine(free) else 1)
    assert os.waitpid(child, 0)[1] == 0
