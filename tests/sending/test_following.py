"""When a `sync` that follows ends."""

from __future__ import annotations

from hypothesis import given, strategies as st

from wandb_logging._sending.following import Following

SECONDS = st.floats(0, 1e6)


def test_it_ends_when_every_run_has_ended() -> None:
    """A run that goes on, or whose server may be back soon, is waited for."""
    following = Following(None, found=2)
    assert [following.is_over(now, go_on=now < 2) for now in (0.0, 1.0, 2.0)] == [False, False, True]


def test_the_first_run_is_waited_for() -> None:
    """Where no run is yet, that every one of them has ended means nothing."""
    following = Following(None, found=0)
    assert not following.is_over(1e9, go_on=False)
    following.saw(1)
    assert following.is_over(1e9, go_on=False)


def test_idle_since_the_last_run_ended_or_began() -> None:
    """Time counts from the round that found every run ended, anew when one begins, and not when one is removed."""
    following = Following(10.0, found=1)
    assert not following.is_over(0.0, go_on=False)
    assert not following.is_over(9.9, go_on=False)
    following.saw(0)
    assert following.is_over(10.0, go_on=False)
    following.saw(1)
    assert not following.is_over(11.0, go_on=False)
    assert following.is_over(21.0, go_on=False)


def test_nothing_began_at_all() -> None:
    """A time to be idle is given so that one ends in any case."""
    following = Following(10.0, found=0)
    assert [following.is_over(now, go_on=False) for now in (5.0, 15.0)] == [False, True]


@given(until_idle=st.none() | SECONDS, most=st.floats(0.1, 100))
def test_looks_are_as_far_apart_as_is_of_use(until_idle: float | None, most: float) -> None:
    """Never further than usual, nor than the time that counts as idle; never without a pause."""
    interval = Following(until_idle, found=1).interval(most)
    assert 0 < interval <= most
    assert until_idle is None or interval <= max(until_idle, 0.05)
