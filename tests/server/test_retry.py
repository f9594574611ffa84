"""Promises of what is repeated: how often, how long between two calls, and what its caller is told in the end."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._errors import RequestRejected, ServerUnavailable, TransportError
from wandb_logging._server.retry import repeated


class Request:
    """Fails as often as it is told to, then gives what it is to give."""

    def __init__(self, *failures: BaseException, gives: object = "done") -> None:
        self.failures = list(failures)
        self.gives = gives
        self.calls = 0

    def __call__(self) -> object:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        return self.gives


class Waits:
    """Takes note of each wait, and waits for nothing."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


def call(request: Request, waits: Waits | None = None, **changed: Any) -> object:
    """Repeat without an end, unless something else is said."""
    how: dict[str, Any] = {"worth": lambda _: True, "enough": lambda: False, "attempts": None, **changed}
    return repeated(request, sleep=waits or Waits(), **how)


def away(number: int) -> list[TransportError]:
    return [TransportError(f"refused {each}") for each in range(number)]


class TestHowOften:
    @pytest.mark.parametrize("gives", ["done", None, False, []])
    def test_what_works_is_called_once(self, gives: object) -> None:
        """Its answer is given as it is, also one that is empty; nobody waits."""
        request, waits = Request(gives=gives), Waits()
        assert call(request, waits) is gives
        assert (request.calls, waits.seconds) == (1, [])

    def test_without_a_limit_until_it_works(self) -> None:
        """A hundred failures are no reason to stop."""
        request = Request(*away(100))
        assert call(request) == "done"
        assert request.calls == 101

    @given(failures=st.integers(0, 12), attempts=st.integers(1, 12))
    def test_a_limit_counts_calls(self, failures: int, attempts: int) -> None:
        """So many calls at most, the first included, and a wait between two of them."""
        request, waits = Request(*away(failures)), Waits()
        if failures < attempts:
            assert call(request, waits, attempts=attempts) == "done"
        else:
            with pytest.raises(TransportError):
                call(request, waits, attempts=attempts)
        assert request.calls == min(failures + 1, attempts)
        assert len(waits.seconds) == request.calls - 1

    def test_what_is_not_worth_it(self) -> None:
        """It is raised at once, also after others that were."""
        refused = RequestRejected("no", 400)
        request, waits = Request(*away(2), refused, *away(2)), Waits()
        with pytest.raises(RequestRejected) as caught:
            call(request, waits, worth=lambda error: isinstance(error, TransportError))
        assert caught.value is refused
        assert (request.calls, len(waits.seconds)) == (3, 2)

    def test_long_enough(self) -> None:
        """It is asked after each failure whether that was enough; then nobody waits once more."""
        answers = iter([False, False, True])
        request, waits = Request(*away(9)), Waits()
        with pytest.raises(TransportError):
            call(request, waits, enough=lambda: next(answers))
        assert (request.calls, len(waits.seconds)) == (3, 2)

    def test_what_works_is_never_too_late(self) -> None:
        """There is one call in any case, and its answer counts."""
        assert call(Request(), enough=lambda: True) == "done"

    @pytest.mark.parametrize("how", [{"attempts": 3}, {"enough": iter([False, False, True]).__next__}])
    def test_the_last_error_is_told(self, how: dict[str, Any]) -> None:
        """The caller gets that one itself, not an error about trying."""
        failures = away(9)
        with pytest.raises(TransportError) as caught:
            call(Request(*failures), **how)
        assert caught.value is failures[2]

    @pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(1)])
    def test_the_end_of_the_program(self, end: BaseException) -> None:
        """Ctrl-C is not repeated where only errors of the network are worth it."""
        request = Request(end)
        with pytest.raises(type(end)):
            call(request, worth=lambda error: isinstance(error, TransportError))
        assert request.calls == 1


class TestHowLong:
    def test_twice_as_long_each_time(self) -> None:
        """2, 4, 8 ... seconds, 60 at most, and up to one more so that not all programs come at once."""
        waits = Waits()
        call(Request(*away(8)), waits)
        least = [2, 4, 8, 16, 32, 60, 60, 60]
        assert all(low <= waited <= low + 1 for low, waited in zip(least, waits.seconds))
        assert len({waited % 1 for waited in waits.seconds}) > 1

    @pytest.mark.parametrize("seconds", [0.5, 7, 3600.0])
    def test_as_the_server_asks(self, seconds: float) -> None:
        """Neither less nor more than its Retry-After, also where that is longer than any wait of ours."""
        waits = Waits()
        call(Request(ServerUnavailable("busy", 429, seconds), ServerUnavailable("busy", 503, seconds)), waits)
        assert waits.seconds == [seconds, seconds]

    @pytest.mark.parametrize("seconds", [None, 0.0])
    def test_a_server_that_asks_for_nothing(self, seconds: float | None) -> None:
        """It is left alone as long as one that says nothing."""
        waits = Waits()
        call(Request(ServerUnavailable("busy", 429, seconds)), waits)
        assert 2 <= waits.seconds[0] <= 3

    def test_after_it_asked_once(self) -> None:
        """What it asked for is for the next call only; then the waits are those of so many failures."""
        waits = Waits()
        call(Request(*away(1), ServerUnavailable("busy", 429, 1.5), *away(1)), waits)
        assert waits.seconds[1] == 1.5
        assert 8 <= waits.seconds[2] <= 9
