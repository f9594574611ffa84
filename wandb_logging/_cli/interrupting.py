"""Runs work on a thread of its own, so that Ctrl-C stops the waiting main thread, and never a request halfway.

Python raises KeyboardInterrupt between any two instructions of the main thread. During a request it can come while the
lock of a connection pool is held, which is then never released, or as a generator ends, which swallows the exception.

What ends the program while a request goes on also ends its right to send: that is noted in the run's directory, so that
another host need not wait until nobody has heard of this one for long.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable, Iterator
from typing import TypeVar

from wandb_logging._journal.sending_right import note_ends

T = TypeVar("T")

_ENDING = ("SIGTERM", "SIGHUP")
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
        with _noting_ends():
            thread.start()
            while thread.is_alive():
                thread.join(0.1)  # on Windows a wait without a time limit cannot be interrupted
    except KeyboardInterrupt:
        stop.set()
        if thread.is_alive():
            thread.join(_GRACE)
        note_ends()
        raise
    if errors:
        raise errors[0]
    return results[0]


@contextlib.contextmanager
def _noting_ends() -> Iterator[None]:
    """Inside the `with`, a signal that ends the program is noted in the directories of the runs that are being sent."""
    mine = threading.current_thread() is threading.main_thread()
    numbers = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
    taken = [number for number in numbers if mine and signal.getsignal(number) == signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _end)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _end(number: int, _frame: object) -> None:
    note_ends()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
