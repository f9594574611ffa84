"""Reminds the main thread of a worker of a signal whose handler it has missed. For processes of `multiprocessing`.

Python runs a signal's handler on the main thread between two of its instructions. If the signal comes after the last of
them and before the system call that waits, nothing interrupts the wait, and the handler runs when that is over. A
worker of a pool may wait for a task for ever, and `Pool.terminate`, which sent it SIGTERM, waits for the worker.
Without a handler in Python, SIGTERM would have ended the worker at once. On two cores for which 25 processes waited,
three of twenty pools of ten workers hung so.

So a thread reads which signals come (`signal.set_wakeup_fd`) and sends the main thread those again that it does not
handle. Other programs are left alone: who ends them sends another signal in the end, and the one descriptor that Python
has for this may belong to asyncio or trio there. So are those whose threads are greenlets: to read would stop them all.
"""

from __future__ import annotations

import contextlib
import functools
import os
import signal
import threading
import time
from collections.abc import Callable

from wandb_logging._values.reentrant import is_native

_PAUSE, _LONGEST = 0.1, 1.0  # seconds before the first and between later reminders
_FRESH = 0.5  # seconds in which a call of a handler may be due to a reminder

_wakeup_fd = -1  # where Python writes the numbers of signals that come; -1 if nobody reads that in this process
_reminded = -_FRESH  # monotonic time of the latest reminder


def watch(is_missed: Callable[[int], bool]) -> None:
    """Remind the main thread of signals from now on, unless somebody else has taken Python's descriptor for that.

    Call it on the main thread; anywhere else it does nothing. Neither does it where threads cannot be sent signals, are
    no threads (gevent, eventlet) or cannot be started, or where no descriptor is left.

    Args:
        is_missed: whether a signal that has come (its number) still waits for the main thread.
    """
    global _wakeup_fd  # noqa: PLW0603  one process has one such descriptor
    is_main = threading.current_thread() is threading.main_thread()
    if _wakeup_fd >= 0 or not is_main or not hasattr(signal, "pthread_kill") or not is_native():
        return
    try:
        read, write = os.pipe()
    except OSError:
        return
    os.set_blocking(write, False)
    before = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
    try:
        if before < 0:
            thread = threading.Thread(target=_listen, args=(read, is_missed), name="wandb_logging signals", daemon=True)
            thread.start()
            _wakeup_fd = write
            _forget_in_children()
    except RuntimeError:  # of threads there are too many, or the interpreter ends
        pass
    finally:
        if _wakeup_fd < 0:
            signal.set_wakeup_fd(before)
            os.close(read)
            os.close(write)


def is_reminder() -> bool:
    """Whether the present call of a handler may be due to a reminder, and not to another signal."""
    return time.monotonic() - _reminded < _FRESH


def _listen(read: int, is_missed: Callable[[int], bool]) -> None:
    with contextlib.suppress(OSError):  # the program has closed all descriptors
        while numbers := os.read(read, 256):
            for number in set(numbers):
                _remind(number, is_missed)


def _remind(number: int, is_missed: Callable[[int], bool]) -> None:
    global _reminded  # noqa: PLW0603  as `_wakeup_fd`
    pause, main = _PAUSE, threading.main_thread().ident
    assert main is not None
    time.sleep(pause)
    while is_missed(number):
        _reminded = time.monotonic()
        signal.pthread_kill(main, number)
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST)


@functools.cache
def _forget_in_children() -> None:
    os.register_at_fork(after_in_child=_forget)


def _forget() -> None:
    """In a forked child: what it writes there would remind its parent."""
    global _wakeup_fd  # noqa: PLW0603  as above
    if _wakeup_fd >= 0:
        found = signal.set_wakeup_fd(-1)
        if found not in {-1, _wakeup_fd}:
            signal.set_wakeup_fd(found)
        _wakeup_fd = -1
