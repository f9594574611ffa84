"""Does work for several items at once, on threads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[int, T], R], items: Sequence[T], jobs: int, broken: threading.Event) -> list[R]:
    """The results of `work` for each item, in their order.

    Args:
        work: called with the number of an item and the item.
        items: the items.
        jobs: number of threads; with 1, the work is done on this thread.
        broken: is set when this thread is interrupted: then no more work is begun, and `work` should end soon.
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
