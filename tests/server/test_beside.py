"""Promises of work that is done beside: all of it, in order, with its errors, and no thread is left behind."""

from __future__ import annotations

import gc
import threading

import pytest
from hypothesis import given, strategies as st

from tests.patience import PATIENCE
from wandb_logging._server import beside
from wandb_logging._server.beside import Beside
from wandb_logging._server.body import HISTORY, PackedBlock, StreamBody

LARGE = "x" * 2**16


def threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name == "wandb-logging-beside"}


def test_all_is_done_in_order() -> None:
    """What was asked for is done once the end is reached, by one other thread."""
    done: list[tuple[int, int]] = []
    work = Beside[int](lambda number: done.append((number, threading.get_ident())))
    for number in range(100):
        work.do(number)
    work.end()
    assert [number for number, _ in done] == list(range(100))
    assert {thread for _, thread in done}.isdisjoint({threading.get_ident()})


def test_an_error_is_told_at_the_end() -> None:
    """The first one, and nothing was done after it."""
    done: list[int] = []

    def work(number: int) -> None:
        done.append(number)
        if number == 3:
            raise ValueError(number)

    many = Beside(work)
    for number in range(10):
        many.do(number)
    with pytest.raises(ValueError, match="3"):
        many.end()
    assert done == [0, 1, 2, 3]


def test_who_lets_go_of_it_leaves_no_thread() -> None:
    """A request that is given up halfway, as when time is up, is not ended by anybody."""
    before = threads()
    block = PackedBlock(HISTORY, 0)
    block.add([LARGE], beside=True)
    (thread,) = threads() - before
    del block
    gc.collect()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def test_greenlets_do_not_wait_for_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where gevent has replaced threads, or none can be started, all is done by who asks for it."""
    monkeypatch.setattr(beside, "is_native", lambda: False)
    before = threads()
    block = PackedBlock(HISTORY, 0)
    block.add([LARGE], beside=True)
    assert threads() == before
    assert block.lines() == [LARGE]


@given(st.lists(st.tuples(st.sampled_from([1, 30, 2**15]), st.booleans()), max_size=12))
def test_a_request_is_the_same_to_the_byte(parts: list[tuple[int, bool]]) -> None:
    """Whoever compresses what of it."""
    alone, helped = PackedBlock(HISTORY, 7), PackedBlock(HISTORY, 7)
    for number, (size, is_beside) in enumerate(parts):
        lines = [f"{number} {each}" * size for each in range(3)]
        alone.add(lines)
        helped.add(lines, beside=is_beside)
    assert helped.lines() == alone.lines()
    bodies = [StreamBody({HISTORY: block}).encode(gzip=True) for block in (alone, helped)]
    assert bytes(bodies[0]) == bytes(bodies[1])
