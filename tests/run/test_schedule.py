"""When rounds are due: a rule about times, without a clock and without a thread."""

from __future__ import annotations

import math

from hypothesis import given, strategies as st

from wandb_logging._run.schedule import APART, LEAST, QUIET, Schedule

TIMES = st.floats(0, 1e6)
INTERVALS = st.floats(LEAST, 3600)


def test_the_first_round_is_due_at_once() -> None:
    """People look at the page as soon as their program runs."""
    assert Schedule(interval=10, heartbeat=30).is_due(0.0)


@given(INTERVALS, INTERVALS, TIMES)
def test_rounds_come_at_the_interval(interval: float, heartbeat: float, now: float) -> None:
    """Offline after the interval; online after the heartbeat, too, if that is shorter."""
    schedule = Schedule(interval, heartbeat)
    schedule.end(now, sending=False)
    assert schedule.seconds_left(now) == now + interval - now
    schedule.end(now, sending=True)
    assert schedule.seconds_left(now) == now + min(interval, heartbeat) - now


@given(st.floats(0, LEAST), st.booleans(), TIMES)
def test_an_interval_of_nothing_leaves_the_processor_alone(interval: float, sending: bool, now: float) -> None:
    """`flush_interval: 0` is as soon as possible, which is not all the time."""
    schedule = Schedule(interval, heartbeat=30)
    schedule.end(now, sending=sending)
    assert not schedule.is_due(now)
    assert schedule.seconds_left(now) == now + LEAST - now


def test_a_long_round_does_not_make_the_next_one_come_at_once() -> None:
    """The interval is between the end of one and the beginning of the next."""
    schedule = Schedule(interval=10, heartbeat=30)
    schedule.begin(0, sending=False)
    schedule.end(100, sending=False)
    assert not schedule.is_due(109.9)
    assert schedule.is_due(110)


def test_changes_wait_for_five_seconds_without_another() -> None:
    """Each change begins them anew."""
    schedule = Schedule(interval=3600, heartbeat=3600)
    schedule.end(0, sending=True)
    schedule.change(100)
    schedule.change(104)
    assert QUIET == 5
    assert not schedule.is_due(108.9)
    assert schedule.is_due(109)
    assert schedule.seconds_left(105) == 4


def test_a_round_takes_the_changes_along() -> None:
    """What was changed before it began does not ask for another."""
    schedule = Schedule(interval=3600, heartbeat=3600)
    schedule.change(0)
    schedule.begin(1, sending=True)
    assert schedule.changes_due == math.inf


def test_a_change_within_a_round_is_the_next_ones() -> None:
    """The round may have read past it, or not."""
    schedule = Schedule(interval=3600, heartbeat=3600)
    schedule.begin(0, sending=True)
    schedule.change(1)
    schedule.end(2, sending=True)
    assert schedule.seconds_left(2) == 4


@given(TIMES, st.lists(TIMES))
def test_samples_are_waited_for_no_longer_than_until_they_are_due(now: float, samples: list[float]) -> None:
    """And what is due already is not waited for at all."""
    schedule = Schedule(interval=50, heartbeat=50)
    schedule.end(now, sending=False)
    assert schedule.seconds_left(now, samples) == max(0.0, min([now + 50, *samples]) - now)


def test_while_a_file_is_sent_the_journal_is_looked_at_twice_a_second_at_most() -> None:
    """As soon as a round is due, or somebody asks; W&B takes two requests a second."""
    schedule = Schedule(interval=10, heartbeat=30)
    schedule.begin(0, sending=True)
    assert APART == 0.5
    assert not schedule.may_glance(0.4, asked=True)
    assert schedule.may_glance(0.5, asked=True)
    assert not schedule.may_glance(9, asked=False)
    assert schedule.may_glance(10, asked=False)
