"""Calls a function until it works: the only room that knows tenacity. Imported when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tenacity


def repeated(
    request: Callable[[], Any],
    *,
    worth: Callable[[BaseException], bool],
    enough: Callable[[], bool],
    attempts: int | None,
    sleep: Callable[[float], None],
) -> Any:
    """Call `request` until it raises nothing, and return its result; at the end raise its last error.

    Args:
        request: the function.
        worth: whether to try again after this error.
        enough: whether it was tried for long enough.
        attempts: most calls; None for no limit.
        sleep: waits for a number of seconds between two calls.
    """
    try:
        return request()  # nearly all requests succeed, and to prepare for more tries is work
    except Exception as exc:
        failed = [exc]

    def again() -> Any:
        if failed:
            raise failed.pop()
        return request()

    retrying = tenacity.Retrying(
        retry=tenacity.retry_if_exception(worth),
        wait=wait,
        stop=tenacity.stop_any(
            tenacity.stop_after_attempt(attempts) if attempts else tenacity.stop_never, _stop_when(enough)
        ),
        sleep=lambda seconds: sleep(float(seconds)),
        reraise=True,
    )
    return retrying(again)


class _stop_when(tenacity.stop.stop_base):  # noqa: N801  named as tenacity names these
    """Stop retrying when a condition holds."""

    def __init__(self, condition: Callable[[], bool]) -> None:
        self._condition = condition

    def __call__(self, retry_state: tenacity.RetryCallState) -> bool:
        del retry_state
        return self._condition()


_backoff = tenacity.wait_exponential(multiplier=2, max=60) + tenacity.wait_random(0, 1)


def wait(attempt: tenacity.RetryCallState) -> float:
    """The server's own Retry-After if it gave one, else 2, 4, 8 ... 60 seconds and a bit (protocol 1.2)."""
    error = attempt.outcome.exception() if attempt.outcome else None
    wanted = getattr(error, "retry_after", None)
    return float(wanted) if wanted else float(_backoff(attempt))
