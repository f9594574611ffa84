"""Promises about ranks that have not begun when the last one that has is about to end."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, strategies as st

from wandb_logging._journal.members import Members, Standing
from wandb_logging._journal.writer_lock import WriterLock
from wandb_logging._run.latecomers import MOST, Latecomers, seconds_since_start, wait_for

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0


@given(age=st.floats(0, HOUR), lived=st.floats(0, HOUR))
def test_the_wait_is_bounded_by_what_it_took_to_begin(age: float, lived: float) -> None:
    """A rank waits at most five seconds, and never when it has logged for twice the time that it took to begin."""
    left = Latecomers(4, "a-0", age, 100.0).seconds_left(100.0 + lived)
    assert 0 <= left <= MOST
    assert not left or lived < 2 * age


@pytest.mark.parametrize(("of", "rank", "age"), [(0, "", 9.0), (4, "", 9.0), (4, "a-0", None)])
def test_nobody_waits_who_is_no_rank_or_does_not_know_its_age(of: int, rank: str, age: float | None) -> None:
    """So it is where the system does not say when a process began."""
    assert Latecomers(of, rank, age, 100.0).seconds_left(100.0) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_how_old_this_process_is() -> None:
    """It is as old as the system says, and grows older."""
    first = seconds_since_start()
    assert first is not None
    assert first >= time.process_time() / 16  # threads may have used several cores
    second = seconds_since_start()
    assert second is not None
    assert second >= first


def come(path: Path, rank: int, launch: str = "a") -> WriterLock:
    return WriterLock.take(path, 1, Standing(rank=f"{launch}-{rank}"))


def test_all_have_come_or_one_is_there(tmp_path: Path) -> None:
    """Waiting is for ranks that are missing, as long as nobody is there that would end the run later."""
    mine, later = come(tmp_path, 0), Latecomers(3, "a-0", HOUR, 0.0)

    def is_any_expected() -> bool:
        return later.is_any_expected(Members(tmp_path, mine.number))

    assert is_any_expected()
    second = come(tmp_path, 1)
    assert not is_any_expected()  # it is there
    second.leave(0)
    second.release()
    assert is_any_expected()
    third = come(tmp_path, 2)
    third.leave(0)
    third.release()
    assert not is_any_expected()  # all have come
    mine.release()


def test_the_wait_ends_when_a_rank_comes(tmp_path: Path) -> None:
    """And not before, as long as there is time."""
    mine = come(tmp_path, 0)
    looks: list[None] = []
    came: list[WriterLock] = []

    def others() -> Members:
        looks.append(None)
        if len(looks) == 3:
            came.append(come(tmp_path, 1))
        return Members(tmp_path, mine.number)

    sent: list[None] = []
    wait_for(Latecomers(2, "a-0", HOUR, time.monotonic() + HOUR), others, HOUR, lambda: sent.append(None))
    assert (len(looks), len(sent)) == (3, 1)
    wait_for(Latecomers(2, "a-0", HOUR, time.monotonic() - HOUR), others, HOUR, lambda: sent.append(None))
    assert (len(looks), len(sent)) == (3, 1)
    for claim in (mine, *came):
        claim.release()
