"""Does work for several items at once, on threads."""

from __future__ import annotations

import contextlib
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

    _run_all(go, min(jobs, len(items)), give_up)
    if errors:
        raise errors[0]
    return [results[number] for number in range(len(items))]


def _next(waiting: deque[tuple[int, T]]) -> tuple[int, T] | None:
    try:
        return waiting.popleft()
    except IndexError:
        return None


def _run_all(go: Callable[[], object], count: int, give_up: Callable[[], object]) -> None:
    """Do it on so many threads and wait for them, also when this one is interrupted; on this one if none can be begun.

    They are not those of a ThreadPoolExecutor: a program does not end before those do, and one may wait for an answer.
    """
    threads: list[threading.Thread] = []
    try:
        with contextlib.suppress(RuntimeError):  # too many threads, or an interpreter that has no such threads
            for _ in range(count):
                threads.append(threading.Thread(target=go, name="wandb-logging-sync", daemon=True))
                threads[-1].start()
        if not any(map(_was_started, threads)):
            go()
        for thread in filter(_was_started, threads):
            thread.join()
    except BaseException:
        give_up()
        raise
    finally:
        for thread in filter(_was_started, threads):
            thread.join()


def _was_started(thread: threading.Thread) -> bool:
    return thread.ident is not None
