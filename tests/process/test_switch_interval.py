"""The interpreter's switch interval: short while the listener works, the program's own otherwise."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.patience import PATIENCE
from wandb_logging._process import switch_interval
from wandb_logging._process.listener import Listener
from wandb_logging._process.switch_interval import short_turns


@pytest.fixture(autouse=True)
def interval() -> Iterator[float]:
    """An interval of the program's own."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.004)
    yield 0.004
    sys.setswitchinterval(before)


def test_a_round_has_short_turns(interval: float) -> None:
    """And only a round: the program's interval is back before whoever asked for it goes on."""
    seen: list[float] = []
    listener = Listener(lambda: seen.append(sys.getswitchinterval()), lambda: 3600, lambda: None)
    listener.start()
    assert listener.ask(None)
    assert max(seen) < 0.001
    assert sys.getswitchinterval() == pytest.approx(interval)
    listener.finish(None)


def test_several_at_once(interval: float) -> None:
    """The last one to end gives the interval back."""
    with short_turns():
        with short_turns():
            pass
        assert sys.getswitchinterval() < 0.001
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_an_error_gives_it_back(interval: float) -> None:
    """Whatever happens inside."""
    with pytest.raises(KeyError), short_turns():
        raise KeyError
    assert sys.getswitchinterval() == pytest.approx(interval)


def test_what_the_program_sets_meanwhile_stays() -> None:
    """It is not ours to take back."""
    with short_turns():
        sys.setswitchinterval(0.002)
    assert sys.getswitchinterval() == pytest.approx(0.002)


def test_a_shorter_one_of_the_program_stays() -> None:
    """Nothing is made longer."""
    sys.setswitchinterval(0.00001)
    with short_turns():
        assert sys.getswitchinterval() == pytest.approx(0.00001)
    assert sys.getswitchinterval() == pytest.approx(0.00001)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_a_forked_child_has_the_programs_own() -> None:
    """The thread that would give it back is not there."""
    go, inside = threading.Event(), threading.Event()

    def work() -> None:
        with short_turns():
            inside.set()
            go.wait(PATIENCE)

    thread = threading.Thread(target=work)
    thread.start()
    assert inside.wait(PATIENCE)
    child = os.fork()
    if not child:
        own = abs(sys.getswitchinterval() - 0.004) < 1e-6 and not switch_interval._turns._working
        os._exit(0 if own else 1)
    go.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
