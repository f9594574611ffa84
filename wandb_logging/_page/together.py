"""Does the same for many runs: one by one, and if that takes long, as from a slow disk, for several at once."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import TypeVar

_PATIENCE = 0.2  # seconds after which several are done at once
_AT_ONCE = 16  # most threads: they wait for the disk, a processor has little to do

T = TypeVar("T")


def for_each(do: Callable[[T], object], items: Iterable[T], patience: float = _PATIENCE) -> None:
    """Call a function with each item, and return when all calls have.

    Args:
        do: the function. It is called on several threads at once if the calls take long.
        items: what it is called with.
        patience: seconds for which it is called on this thread alone.
    """
    left = deque(items)
    until = time.monotonic() + patience
    while left and time.monotonic() < until:
        do(left.popleft())
    threads = [threading.Thread(target=_work, args=(do, left), daemon=True) for _ in range(min(_AT_ONCE, len(left)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _work(do: Callable[[T], object], left: deque[T]) -> None:
    while True:
        try:
            item = left.popleft()
        except IndexError:
            return
        do(item)
