"""Work that is done for several items at once."""

from __future__ import annotations

import threading

import pytest

from tests.patience import PATIENCE
from wandb_logging._sending.parallel import side_by_side


@pytest.mark.parametrize("jobs", [1, 3, 99])
def test_the_results_are_in_order(jobs: int) -> None:
    """However many threads there are, each item is done once."""
    assert side_by_side(lambda number, item: (number, item), "abcdefgh", jobs, threading.Event()) == [
        *enumerate("abcdefgh")
    ]
    assert side_by_side(lambda number, item: (number, item), "", jobs, threading.Event()) == []


def test_as_many_as_asked_for_go_on_at_once() -> None:
    """Three wait for each other, and all of them come."""
    together = threading.Barrier(3)
    assert sorted(side_by_side(lambda *_: together.wait(PATIENCE), "abc", 3, threading.Event())) == [0, 1, 2]


def test_what_fails_ends_the_others() -> None:
    """Those that go on are told to end, no more are begun, and the error is raised here."""
    broken, begun = threading.Event(), list[int]()

    def work(number: int, _: str) -> None:
        begun.append(number)
        if number == 1:
            raise LookupError
        assert broken.wait(PATIENCE)

    with pytest.raises(LookupError):
        side_by_side(work, "abcdefgh", 2, broken)
    assert sorted(begun) == [0, 1]


def test_where_no_thread_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in an isolated interpreter, which refuses a daemon already as it is made, all is done on this one."""

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("thread is not supported for isolated subinterpreters")

    monkeypatch.setattr(threading.Thread, "__init__", refuse)
    assert side_by_side(lambda number, _: (number, threading.get_ident()), "abc", 2, threading.Event()) == [
        (number, threading.get_ident()) for number in range(3)
    ]
