"""Does work on a thread of its own, one piece after the other: for zlib, which lets others have the interpreter."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import SimpleQueue
from typing import Generic, TypeVar

from wandb_logging._values.reentrant import is_native

T = TypeVar("T")


class Beside(Generic[T]):
    """Does the same with one piece after the other, while its caller makes the next one. It ends when it is let go of.

    Args:
        work: called with each piece, in order, on that thread. It must not hold this object.

    Raises:
        RuntimeError: no thread can be started: the interpreter ends, has none, or gevent has replaced them.
    """

    def __init__(self, work: Callable[[T], object]) -> None:
        self._pieces: SimpleQueue[T | None] = SimpleQueue()
        self._errors: list[BaseException] = []
        if not is_native():
            raise RuntimeError("threads are greenlets here, which take turns")
        self._thread = threading.Thread(
            target=_work_off, args=(self._pieces, work, self._errors), name="wandb-logging-beside", daemon=True
        )
        self._thread.start()

    def do(self, piece: T) -> None:
        """Have a piece done. Its error is raised by `end`."""
        self._pieces.put(piece)

    def end(self) -> None:
        """Wait until all is done; nothing can be done afterwards.

        Raises:
            BaseException: what the work raised first; what came after that was not done.
        """
        self._pieces.put(None)
        self._thread.join()
        if self._errors:
            raise self._errors[0]

    def __del__(self) -> None:
        self._pieces.put(None)  # this queue's `put` may be called by a finaliser


def _work_off(pieces: SimpleQueue[T | None], work: Callable[[T], object], errors: list[BaseException]) -> None:
    while (piece := pieces.get()) is not None:
        try:
            if not errors:
                work(piece)
        except BaseException as exc:
            errors.append(exc)
