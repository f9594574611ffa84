"""Work on several things at once, on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[int, T], R], items: Sequence[T], jobs: int, broken: threading.Event) -> list[R]:
    """What the work gives for each item and its number, in their order.

    Args:
        work: called on at most `jobs` threads at once; on this one alone if that is one.
        broken: set when this thread is interrupted: the work that goes on is to end soon, and what waits is not begun.
    """
    if jobs == 1 or len(items) < 2:
        return [work(number, item) for number, item in enumerate(items)]
    pool = ThreadPoolExecutor(min(jobs, len(items)), thread_name_prefix="wandb-logging-sync")
    try:
        return list(pool.map(work, range(len(items)), items))
    except BaseException:
        broken.set()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
