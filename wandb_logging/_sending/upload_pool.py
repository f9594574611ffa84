"""Threads for uploading files, which may take hours, while rows are sent on the caller's thread."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from wandb_logging._process.listener import as_own_thread
from wandb_logging._server.link import Link

T = TypeVar("T")

AT_ONCE = 4  # uploads at once: a small file's answer takes longer than its bytes
_LOOK = 0.05  # seconds between two calls of `meanwhile`


class UploadPool:
    """Does work on threads of its own, and calls `meanwhile` on the caller's thread until it is done.

    Args:
        link: the connection that the work uses, and nothing else.
        meanwhile: called again and again on the caller's thread.
    """

    def __init__(self, link: Link, meanwhile: Callable[[], object]) -> None:
        self.link = link
        self._meanwhile = meanwhile
        self._further: list[Link] = []  # connections of further threads

    def do(self, work: Callable[[Link], T]) -> T:
        """Do one piece of work, and return its result or raise its exception."""
        (outcome,) = self.each([work])
        return outcome()

    def each(self, works: Sequence[Callable[[Link], T]]) -> list[Callable[[], T]]:
        """Do several pieces of work in any order, up to `AT_ONCE` at once.

        If no thread can be started, the work is done on the caller's thread, and `meanwhile` is not called.

        Returns:
            For each piece of work a function that returns its result or raises its exception.
        """
        errands = [_Errand(work) for work in works]
        left = deque(errands)
        links = self._links(min(len(works), AT_ONCE))
        if not sum(_started(left, link) for link in links):
            _work_off(left, self.link)
        for errand in errands:
            while not errand.done.wait(_LOOK):
                self._meanwhile()
        return [errand.outcome for errand in errands]

    def close(self) -> None:
        """Close its connections."""
        for link in (self.link, *self._further):
            link.close()

    def _links(self, count: int) -> list[Link]:
        while len(self._further) < count - 1:
            self._further.append(self.link.beside())
        for link in self._further:
            link.client_id, link.allowance = self.link.client_id, self.link.allowance
        return [self.link, *self._further][:count]


class _Errand(Generic[T]):
    """A piece of work with its result."""

    def __init__(self, work: Callable[[Link], T]) -> None:
        self.done = threading.Event()
        self._result: list[T] = []
        self._error: BaseException | None = None
        self._work = work

    def do(self, link: Link) -> None:
        try:
            with as_own_thread():
                self._result.append(self._work(link))
        except BaseException as exc:
            self._error = exc
        finally:
            self.done.set()

    def outcome(self) -> T:
        """Return the result, or raise the exception."""
        if self._error is not None:
            raise self._error
        return self._result[0]


def _started(left: deque[_Errand[T]], link: Link) -> bool:
    """Start a thread that does the work. False if it cannot be started, as when the interpreter ends (Python 3.12)."""
    try:
        threading.Thread(target=_work_off, args=(left, link), name="wandb-logging-files", daemon=True).start()
    except RuntimeError:  # too many threads, or the interpreter ends
        return False
    return True


def _work_off(left: deque[_Errand[T]], link: Link) -> None:
    """Do pieces of work until none is left; other threads take from the same ones."""
    while left:
        try:
            errand = left.popleft()
        except IndexError:  # another thread has just taken the last one
            return
        errand.do(link)
