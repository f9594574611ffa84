"""Forks wait for what a child could not go on with, and for nothing else."""

from __future__ import annotations

import os
import threading
import time

import pytest

from tests.patience import PATIENCE
from wandb_logging._process import forks

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork"),
    pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning"),
]


def forked(code: int) -> int:
    """Fork a child that ends at once; what it ended with."""
    child = os.fork()
    if not child:
        os._exit(code if not forks._busy else 99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_fork_waits_for_another_thread() -> None:
    """And goes on as soon as that is through; the child knows of nobody at work."""
    inside, go = threading.Event(), threading.Event()
    times: list[float] = []

    def work() -> None:
        with forks.held_off():
            inside.set()
            go.wait(PATIENCE)
            times.append(time.monotonic())

    worker = threading.Thread(target=work)
    worker.start()
    assert inside.wait(PATIENCE)
    threading.Timer(0.2, go.set).start()
    assert forked(7) == 7
    times.append(time.monotonic())
    worker.join()
    assert times == sorted(times)


def test_a_fork_of_the_same_thread_does_not_wait_for_itself() -> None:
    """A program may fork from what our own work calls, such as a finaliser."""
    with forks.held_off(), forks.held_off():
        child = os.fork()
        if not child:
            os._exit(0 if forks._busy == {threading.get_ident(): 2} else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert forks._busy == {}


def test_who_hangs_holds_up_a_fork_for_a_while_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rather half a module in the child than no child."""
    monkeypatch.setattr(forks, "_PATIENCE", 0.2)
    inside, go = threading.Event(), threading.Event()

    def work() -> None:
        with forks.held_off():
            inside.set()
            go.wait(PATIENCE)

    worker = threading.Thread(target=work)
    worker.start()
    assert inside.wait(PATIENCE)
    assert forked(3) == 3
    go.set()
    worker.join()


def test_nobody_begins_while_a_fork_is_under_way() -> None:
    """Between the look and the fork itself."""
    forks._before()
    began = threading.Event()

    def work() -> None:
        with forks.held_off():
            began.set()

    worker = threading.Thread(target=work)
    worker.start()
    assert not began.wait(0.1)
    forks._after_in_parent()
    assert began.wait(PATIENCE)
    worker.join()
