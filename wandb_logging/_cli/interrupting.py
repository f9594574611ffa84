"""Runs work on a thread of its own, so that Ctrl-C stops the waiting main thread, and never a request halfway.

Python raises KeyboardInterrupt between any two instructions of the main thread. During a request it can come while the
lock of a connection pool is held, which is then never released, or as a generator ends, which swallows the exception.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

_GRACE = 1.0  # seconds that the work has to notice that it is to stop; later it ends with the program


def interruptible(work: Callable[[Callable[[], bool]], T]) -> T:
    """Do work that Ctrl-C may stop.

    Args:
        work: called on another thread, with a function as its argument that says whether to stop now.

    Returns:
        What `work` returned.

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
            thread.join(0.1)  # on Windows a wait without a time limit cannot be interrupted
    except KeyboardInterrupt:
        stop.set()
        if thread.is_alive():
            thread.join(_GRACE)
        raise
    if errors:
        raise errors[0]
    return results[0]
