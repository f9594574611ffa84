"""The lane for files: work that may take hours, beside which rows go on, each over a connection of its own."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

from wandb_logging._process.listener import as_own_thread
from wandb_logging._server.link import Link

T = TypeVar("T")

AT_ONCE = 4  # pieces of work: of small files an answer's way takes longer than their bytes
_LOOK = 0.05  # seconds between two looks at what else there is to do


class Lane:
    """Does work on threads of its own, and something else meanwhile on the caller's.

    Args:
        link: the way to the server that the work takes; nobody else uses it.
        meanwhile: called every now and then on the caller's thread while the work goes on.
    """

    def __init__(self, link: Link, meanwhile: Callable[[], object]) -> None:
        self.link = link
        self._meanwhile = meanwhile
        self._further: list[Link] = []  # for what is done at once

    def do(self, work: Callable[[Link], T]) -> T:
        """What the work gives, or raises. Where no thread can be started it is done here, and nothing meanwhile."""
        (came_of_it,) = self.each([work])
        return came_of_it()

    def each(self, works: Sequence[Callable[[Link], T]]) -> list[Callable[[], T]]:
        """Do several things in any order, up to `AT_ONCE` at once; each of what comes back gives its result or raises.

        As many threads as can be started do it; where none can, it is done here, one after the other.
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
    """Some work, and what came of it."""

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
        """What the work gave, or raised."""
        if self._error is not None:
            raise self._error
        return self._result[0]


def _started(left: deque[_Errand[T]], link: Link) -> bool:
    """Whether a thread could be started that does what is left: not as the interpreter ends (from Python 3.12 on)."""
    try:
        threading.Thread(target=_work_off, args=(left, link), name="wandb-logging-files", daemon=True).start()
    except RuntimeError:  # or there are too many
        return False
    return True


def _work_off(left: deque[_Errand[T]], link: Link) -> None:
    """Do what is left, which others do as well."""
    while left:
        try:
            errand = left.popleft()
        except IndexError:  # another one has just taken it
            return
        errand.do(link)
