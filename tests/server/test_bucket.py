"""A bucket from which many take: never more than is allowed, and nobody waits for nothing."""

from __future__ import annotations

from hypothesis import given, strategies as st

from wandb_logging._server.bucket import Bucket

BUCKET = Bucket(rate=10.0, burst=5.0)


@given(st.lists(st.floats(0, 3), max_size=60))
def test_no_second_has_more_than_is_allowed(pauses: list[float]) -> None:
    """Whatever the pauses between those that come, each second's worth is at most burst and rate together."""
    now, full, gone = 1000.0, 0.0, []
    for pause in pauses:
        now += pause
        full, wait = BUCKET.take(full, now, 1)
        gone.append(now + wait)
    assert gone == sorted(gone)
    assert all(sum(at <= each < at + 1 for each in gone) <= 15 for at in gone)


@given(st.integers(1, 200))
def test_a_crowd_goes_as_fast_as_allowed(count: int) -> None:
    """Of those that come at once the first go at once, and the others at the rate."""
    full, waits = 0.0, []
    for _ in range(count):
        full, wait = BUCKET.take(full, 1000.0, 1)
        waits.append(wait)
    assert all(wait < 1e-6 for wait in waits[:5])
    assert abs(waits[-1] - max(0, count - 5) / 10) < 1e-6


def test_nonsense_is_forgotten() -> None:
    """A moment in the far future, or one before now, is a full bucket: nobody waits because a clock was set."""
    for full in (0.0, 5000.0, float("inf"), float("nan"), -1e300):
        after, wait = BUCKET.take(full, 1000.0, 1)
        assert wait == 0.0
        assert abs(after - 1000.1) < 1e-9
