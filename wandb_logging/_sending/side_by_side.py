"""Does work for several items at once, on threads."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import TypeVar

T = TypeVar("T")
R = TypeVar("R")


def side_by_side(work: Callable[[int, T], R], items: Sequence[T], jobs: int, broken: threading.Event) -> list[R]:
    """The results of `work` for each item, in their order.

    Args:
        work: called with the number of an item and the item.
        items: the items.
        jobs: number of threads; with 1, the work is done on this thread.
        broken: is set when this thread is interrupted, or an item failed: then no more work is begun, and `work` should
            end soon.

    Raises:
        BaseException: what `work` raised first, when all that was begun has ended.
    """
    if jobs == 1 or len(items) < 2:
        return [work(number, item) for number, item in enumerate(items)]
    waiting, results, errors = deque(enumerate(items)), dict[int, R](), list[BaseException]()

    def give_up() -> None:
        waiting.clear()
        broken.set()

    def go() -> None:
        try:
            while item := _next(waiting):
                results[item[0]] = work(*item)
        except BaseException as exc:
            errors.append(exc)
            give_up()

    _run_all([threading.Thread(target=go, name="wandb-logging-sync", daemon=True) for _ in items[:jobs]], give_up)
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]


def _next(waiting: deque[tuple[int, T]]) -> tuple[int, T] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _run_all(threads: Sequence[threading.Thread], give_up: Callable[[], object]) -> None:
    """Start threads and wait for them, also when this one is interrupted.

    They are not those of a ThreadPoolExecutor: a program does not end before those do, and one may wait for an answer.
    """
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except BaseException:
        give_up()
        raise
    finally:
        for thread in threads:
            if thread.ident is not None:  # it was started
                thread.join()
