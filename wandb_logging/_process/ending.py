"""How the program ends: the exit code a run gets when nobody finished it by hand, and what the end leaves to do.

An unhandled exception ends it with 1, `sys.exit(code)` with that code. Both are watched, as the official SDK does:
`sys.excepthook`, `threading.excepthook` and `sys.exit` are wrapped, once, when the first run with `exit_hooks` starts,
and what was there before is called as before. What comes of it is for `exit_code` to say.

SIGTERM is watched where nobody else handles it, others on request (`signals`). Their handlers run on the main thread,
between any two of its instructions, perhaps while it holds locks that the listener needs. So they only leave a wish
with each run, wait for its listener by looking, never by a lock, and give up at a deadline; then the handler from
before has its turn.
"""

from __future__ import annotations

import builtins
import contextlib
import functools
import os
import signal
import sys
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, NoReturn

from wandb_logging._dataclass import dataclass
from wandb_logging._process import exit_code as _exit_code

if TYPE_CHECKING:
    from types import FrameType, TracebackType

_LOOK = 0.005  # seconds between two looks at whether the listeners are through

_signal_code: int | None = None
_installed = False
_handling = False
_ours: set[signal.Signals] = set()  # signals whose handler is or was ours
_masks: dict[int, set[Any]] = {}  # by ident of the thread that forks: the signals it held back before
_set = signal.signal  # as it is without us
_default_is_watched = False  # whether SIGTERM's default is to have our handler before it


@dataclass(frozen=True, eq=False)
class Witness:
    """Who is told how the program ends: a run, for as long as it holds this.

    Attributes:
        unhandled: given the type of an exception that nobody handled, and the text Python prints of it.
        preempt: given the exit code of a signal that asks the program to end, and whether the process ends when
            this is done, or a handler follows that may let it go on. Called inside the signal's handler: must not
            wait for another thread. Its result says whether the wait for the server is over.
    """

    unhandled: Callable[[type[BaseException], str], None]
    preempt: Callable[[int, bool], Callable[[], bool]]


_told_of_exceptions: weakref.WeakSet[Witness] = weakref.WeakSet()
_told_of_signals: weakref.WeakKeyDictionary[Witness, frozenset[str]] = weakref.WeakKeyDictionary()


def exit_code() -> int:
    """Exit code of the program as far as it is known: 0 until it is about to end otherwise."""
    missed = _exit_code.missed() if _installed else None
    if missed is not None:
        _exit_code.unhandled(type(missed))
        _tell(type(missed), traceback_text(type(missed), missed, missed.__traceback__))
    return _exit_code.exit_code() if _signal_code is None else _signal_code


def watch_exceptions(witness: Witness) -> None:
    """Tell the witness of unhandled exceptions, and watch the exit code."""
    global _installed  # noqa: PLW0603  one process has one end
    _told_of_exceptions.add(witness)
    if _installed:
        return
    _installed = True
    _exit_code.begin()
    before_hook, before_thread_hook, before_exit = sys.excepthook, threading.excepthook, sys.exit

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        _exit_code.unhandled(kind)
        _tell(kind, traceback_text(kind, error, trace))
        return before_hook(kind, error, trace)

    def thread_excepthook(args: threading.ExceptHookArgs) -> Any:
        if args.exc_type is not SystemExit:  # which ends the thread without a word
            name = args.thread.name if args.thread else "?"
            text = traceback_text(args.exc_type, args.exc_value, args.exc_traceback)
            _tell(args.exc_type, f"Exception in thread {name}:\n{text}")
        return before_thread_hook(args)

    def exit(status: Any = None, /) -> NoReturn:  # noqa: A001  it stands for sys.exit
        _exit_code.asked(status)
        before_exit(status)

    sys.excepthook = excepthook
    threading.excepthook = thread_excepthook
    sys.exit = exit
    _watch_other_names(before_exit, exit)


def _watch_other_names(before: Callable[..., NoReturn], after: Callable[..., NoReturn]) -> None:
    """Watch what else is called: `from sys import exit` in any module so far, and `exit` and `quit` of `site`."""
    for module in list(sys.modules.values()):
        names = getattr(module, "__dict__", None)
        if isinstance(names, dict) and names.get("exit") is before:
            names["exit"] = after
    quitter = type(getattr(builtins, "exit", None))
    if quitter.__module__ == "_sitebuiltins" and not hasattr(quitter.__call__, "__wrapped__"):
        call = quitter.__call__

        @functools.wraps(call)
        def called(self: Any, code: Any = None) -> Any:
            _exit_code.asked(code)
            return call(self, code)

        quitter.__call__ = called  # type: ignore[method-assign]


def chain(names: Iterable[str] | None, more: Iterable[str] = ()) -> frozenset[str]:
    """Put our handler before those of some signals, whoever is told of them later. Ignored ones stay ignored.

    Done where logging is configured: that is on the main thread, where alone it can be done, and before servers such
    as uvicorn keep the handlers they find, to put them back and raise the signal again when they are through.

    Args:
        names: the signals; None is SIGTERM where nobody handles it, silently left out where that cannot be done.
        more: signals beside SIGTERM where `names` is None, which are taken in the same way.

    Returns:
        The names of the signals that may come to us.

    Raises:
        ValueError: this is not the main thread, or a handler is in the way that cannot be called (one set from C).
    """
    if names is None:
        _watch_default()
        defaults = ("SIGTERM", *(name for name in more if hasattr(signal, name)))
        for name in defaults:
            if signal.getsignal(signal.Signals[name]) is signal.SIG_DFL:
                with contextlib.suppress(ValueError):
                    _chain(signal.Signals[name])
        return frozenset(defaults)
    for name in names:
        number = signal.Signals[name]
        if number not in _ours or threading.current_thread() is threading.main_thread():
            _chain(number)
    return frozenset(names)


def _watch_default() -> None:
    """Have who sets SIGTERM back to its default set our handler before that: `signal.signal` is wrapped, once.

    Servers such as uvicorn put back what they found when they are through, and raise the signal again. What they found
    was there before us where they import the program, or where it configures logging as it starts.
    """
    global _default_is_watched  # noqa: PLW0603  one process has one end
    _default_is_watched = True
    if signal.signal is _set:  # else it is done, or others have wrapped it
        signal.signal = _set_watched


@functools.wraps(signal.signal)
def _set_watched(signalnum: Any, handler: Any) -> Any:
    if _default_is_watched and signalnum == signal.SIGTERM and handler == signal.SIG_DFL:
        handler = _Chained(signal.SIG_DFL)
        _ours.add(signal.SIGTERM)
    return _set(signalnum, handler)


def _chain(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    if before is None:
        raise ValueError(f"the handler of {number.name} was not set from Python")
    _watch_forks()
    if before is not signal.SIG_IGN and not isinstance(before, _Chained):
        _set(number, _Chained(before))
    _ours.add(number)


def watch_signals(witness: Witness, names: Iterable[str] | None, more: Iterable[str] = ()) -> None:
    """Tell the witness of these signals; None, and `more`, as for `chain`.

    Raises:
        ValueError: as `chain`.
    """
    _told_of_signals[witness] = chain(names, more)


def leave_signals_to_parent() -> None:
    """In a forked child whose runs are the parent's: what only ended the process does so again, and at once."""
    global _default_is_watched  # noqa: PLW0603  one process has one end
    _default_is_watched = False
    for number in _ours:
        before = signal.getsignal(number)
        if isinstance(before, _Chained) and before.is_last:
            with contextlib.suppress(ValueError):
                _set(number, signal.SIG_DFL)


@functools.cache
def _watch_forks() -> None:
    """Hold our signals back while a thread forks; registered once, after the hook that gives them back in a child.

    What comes to a child before Python has begun there is forgotten if it has a handler in Python. So a pool that ends
    its workers at once would wait for ever for one that was just forked.
    """
    if hasattr(os, "register_at_fork") and hasattr(signal, "pthread_sigmask"):
        os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_let_through)


def _hold_back() -> None:
    _masks[threading.get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _ours)


def _let_through() -> None:
    mask = _masks.pop(threading.get_ident(), None)
    if mask is not None:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _Chained:
    """A signal's handler that comes before another."""

    def __init__(self, before: Any) -> None:
        self._before = before

    @property
    def is_last(self) -> bool:
        """Whether the process ends after it."""
        return self._before is signal.SIG_DFL

    def __call__(self, number: int, frame: FrameType | None) -> None:
        global _handling  # noqa: PLW0603  one process has one end
        last = self.is_last
        if not _handling:  # whoever sends a second signal does not want to wait for the server
            _handling = True
            try:
                _preempt(number, last=last)
            finally:
                _handling = False
        if last:
            _set(number, signal.SIG_DFL)
            signal.raise_signal(number)
            # Still here: as process 1 of a container, to which the kernel gives only what is handled. Who sent it wants
            # the end, and would send SIGKILL next.
            os._exit(128 + number)
        else:
            self._before(number, frame)


def _preempt(number: int, *, last: bool) -> None:
    global _signal_code  # noqa: PLW0603  one process has one end
    _signal_code = 128 + number  # as a shell reports it
    name = signal.Signals(number).name
    over = []
    for witness, names in list(_told_of_signals.items()):
        if name in names:
            with contextlib.suppress(Exception):  # the handler from before has to follow in any case
                over.append(witness.preempt(_signal_code, last))
    while not all(is_over() for is_over in over):
        time.sleep(_LOOK)


def _tell(kind: type[BaseException], text: str) -> None:
    for witness in list(_told_of_exceptions):
        with contextlib.suppress(Exception):  # what Python does with the exception has to follow in any case
            witness.unhandled(kind, text)


def traceback_text(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> str:
    """What Python prints of an exception nobody handles, without the last newline."""
    try:
        return "".join(traceback.format_exception(kind, error, trace)).rstrip("\n")
    except Exception:  # an exception whose own text cannot be made
        return kind.__name__
