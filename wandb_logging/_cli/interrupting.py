"""Work on a thread of its own, so that Ctrl-C reaches the one who waits and never lands in the middle of a request.

Python raises KeyboardInterrupt between any two steps of the main thread. In a request it can hit the lock of a
connection pool, which is then never free again, or the end of a generator, which swallows it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_GRACE = 1.0  # seconds for the work to notice that it is to stop; what it does not finish by then ends with the program


def interruptible(work: Callable[[Callable[[], bool]], T]) -> T:
    """Do work that Ctrl-C may stop.

    Args:
        work: called on another thread, with a function that says whether to stop now.

    Returns:
        What the work gave.

    Raises:
        KeyboardInterrupt: Ctrl-C came. The work was told to stop, and may still be waiting for an answer.
        BaseException: whatever the work raised.
    """
    stop = threading.Event()
    results: list[T] = []
    errors: list[BaseException] = []

    def do() -> None:
        try:
            results.append(work(stop.is_set))
        except BaseException as exc:
            errors.append(exc)

    thread = threading.Thread(target=do, name="wandb-logging-work", daemon=True)
    try:
        thread.start()
        while thread.is_alive():
            thread.join(0.1)  # a wait without an end could not be interrupted on Windows
    except KeyboardInterrupt:
        stop.set()
        if thread.is_alive():
            thread.join(_GRACE)
        raise
    if errors:
        raise errors[0]
    return results[0]
