"""The lane for files: work that may take hours, beside which rows go on, each over a connection of its own."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar

from wandb_logging._process.listener import as_own_thread
from wandb_logging._server.link import Link

T = TypeVar("T")

_LOOK = 0.05  # seconds between two looks at what else there is to do


class Lane:
    """Does one piece of work at a time on a thread of its own, and something else meanwhile on the caller's.

    Args:
        link: the way to the server that the work takes; nobody else uses it.
        meanwhile: called every now and then on the caller's thread while the work goes on.
    """

    def __init__(self, link: Link, meanwhile: Callable[[], object]) -> None:
        self.link = link
        self._meanwhile = meanwhile

    def do(self, work: Callable[[Link], T]) -> T:
        """What the work gives, or raises. Where no thread can be started it is done here, and nothing meanwhile."""
        errand = _Errand(work, self.link)
        try:
            threading.Thread(target=errand.do, name="wandb-logging-files", daemon=True).start()
        except RuntimeError:  # the interpreter ends (from 3.12 on), or there are too many
            errand.do()
        while not errand.done.wait(_LOOK):
            self._meanwhile()
        if errand.error is not None:
            raise errand.error
        return errand.result[0]

    def close(self) -> None:
        """Close its connections."""
        self.link.close()


class _Errand(Generic[T]):
    """Some work, and what came of it."""

    def __init__(self, work: Callable[[Link], T], link: Link) -> None:
        self.done = threading.Event()
        self.result: list[T] = []
        self.error: BaseException | None = None
        self._work = work
        self._link = link

    def do(self) -> None:
        try:
            with as_own_thread():
                self.result.append(self._work(self._link))
        except BaseException as exc:
            self.error = exc
        finally:
            self.done.set()
