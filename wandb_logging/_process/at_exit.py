"""Finishes what nobody has finished when the process ends, at its exit or as a process of `multiprocessing`."""

from __future__ import annotations

import atexit
import contextlib
import logging
import sys
import threading
import weakref
from collections.abc import Callable
from multiprocessing.process import parent_process
from typing import NamedTuple, Protocol

from wandb_logging._process import ending, exit_code

_LAST = -1000  # below all priorities of the standard library: a thread that is waited for may wait for those


class Finishing(Protocol):
    """What is finished with an exit code, such as a run. To finish it again does nothing."""

    def finish(self, exit_code: int, /) -> object:
        """Finish it."""


Owner = Callable[[], "object | None"]


class _HowToEnd(NamedTuple):
    owner: Owner | None
    wake: weakref.WeakMethod[Callable[[], object]]


_begun: weakref.WeakKeyDictionary[Finishing, _HowToEnd] = weakref.WeakKeyDictionary()
_is_over = False
_has_begun = False  # whether something has been finished because the process ends
_in_vain: dict[str, float] = {}  # seconds, since then, that a server was waited for in vain


def is_over() -> bool:
    """Whether nothing that begins now will be finished: the exit functions are called, and ours was among the first."""
    return _is_over


def patience_left(patience: float, server: str) -> float:
    """How long to wait for a server: at exit less what others have waited for it in vain.

    Args:
        patience: most seconds to wait for a server that nobody has waited for.
        server: its address.
    """
    return max(0.0, patience - _in_vain.get(server, 0.0))


def waited_in_vain(seconds: float, server: str) -> None:
    """Remember that a server did not do in time what it was waited for. Before exit this does nothing."""
    if _has_begun:
        _in_vain[server] = _in_vain.get(server, 0.0) + seconds


def finish_at_end(begun: Finishing, owner: Owner | None, wake: Callable[[], object], *, here: bool) -> None:
    """Finish something when the process ends. It is held weakly.

    A process of `multiprocessing` that is forked, or that a forkserver made, ends without `atexit` before Python 3.13,
    and without what was there before the fork from then on.

    Args:
        begun: what is finished.
        owner: weak reference to the handler that finishes it when `logging` closes that; None without one.
        wake: a method, held weakly, too, that has it begin to send what it has, without waiting.
        here: whether it began in this process, and its end is that of the process.
    """
    _begun[begun] = _HowToEnd(owner, weakref.WeakMethod(wake))
    if here and parent_process() is not None:
        _finish_with_worker(weakref.ref(begun), owner)


def _finish_with_worker(begun: Callable[[], Finishing | None], owner: Owner | None) -> None:
    from multiprocessing.util import Finalize  # noqa: PLC0415  such a process has imported it

    before = exit_code.on_its_way()  # of the parent, if it forks in an `except`: that one does not end this process

    def end() -> None:
        error = sys.exc_info()[1]
        if error is not None and id(error) != before:
            ending.end_by(error)
        else:
            exit_code.ended_as_worker()
        for thread in threading.enumerate():  # `multiprocessing` waits for them, too, as the last thing that it does
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
        _begin()
        handler, one = owner() if owner is not None else None, begun()
        if isinstance(handler, logging.Handler):
            handler.close()  # and not `finish`: it goes on if something is logged after this
        elif one is not None:
            one.finish(ending.exit_code())

    Finalize(None, end, exitpriority=_LAST)


def _begin() -> None:
    """Have all begin to send: they are finished one after the other, and should not wait for one another."""
    global _has_begun  # noqa: PLW0603  one process has one end
    unfinished = list(_begun.values())
    if not _has_begun and len(unfinished) > 1:
        for _, how_to_wake in unfinished:
            if (wake := how_to_wake()) is not None:
                wake()
    _has_begun = True


@atexit.register
def _finish_all() -> None:
    """Finish what was begun by hand, and what belongs to handlers that `logging` will not close.

    At exit `logging` closes handlers, which finishes their runs, but not handlers that `dictConfig` took off its list.
    """
    global _is_over  # noqa: PLW0603  one process has one end
    _is_over = True
    if parent_process() is not None:
        exit_code.ended_as_worker()
    unfinished = list(_begun.items())
    _begin()
    for begun, (owner, _) in unfinished:
        handler = owner() if owner is not None else None
        if not any(reference() is handler for reference in logging._handlerList):  # type: ignore[attr-defined]  # noqa: SLF001
            with contextlib.suppress(KeyboardInterrupt):  # the person does not want to wait; all rows are on the disk
                begun.finish(ending.exit_code())
