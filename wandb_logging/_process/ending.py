"""How the program ends: the exit code for a run that nobody finished by hand, and what to do at the end.

An unhandled exception ends the program with 1, `sys.exit(code)` with that code. Both are watched, as the official SDK
does. When the first run with `exit_hooks` starts, `sys.excepthook`, `threading.excepthook` and `sys.exit` are wrapped
once; the functions that were there before are still called. `exit_code` derives the code from what is seen here.

SIGTERM is watched if nobody else handles it, other signals on request (`signals`). Their handlers run on the main
thread between any two of its instructions, perhaps while it holds locks that the listener needs. So a handler only
leaves a wish with each run. It waits for the listener by polling, never with a lock, and gives up at a deadline. Then
it calls the handler that was there before. In a process of `multiprocessing`, whose parent waits for its end, nothing
is watched before a run begins, and from then on the main thread is reminded of what it missed (`missed_signals`). One
that is forked lets go of what its parent watches.
"""

from __future__ import annotations

# What `signal` is made of: to make members of enumerations of its results is most of what a fork would cost here.
import _signal  # type: ignore[import-not-found]
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
from multiprocessing.process import parent_process
from typing import TYPE_CHECKING, Any, NoReturn

from wandb_logging._dataclass import dataclass
from wandb_logging._process import exit_code as _exit_code

if TYPE_CHECKING:
    from types import FrameType, ModuleType, TracebackType

_LOOK = 0.005  # seconds between two looks at whether the listeners are done
_DEFAULT = int(signal.SIG_DFL)

_signal_code: int | None = None
_installed = False
_handling = False
_ours: set[signal.Signals] = set()  # signals whose handler is or was ours
_masks: dict[int, set[Any]] = {}  # ident of a thread that forks -> the signals it blocked before
_set = signal.signal  # the function without our wrapper
_default_is_watched = False  # whether our handler is put before SIGTERM's default
_is_reminder: Callable[[], bool] = bool  # whether the present call is due to `missed_signals`


@dataclass(frozen=True, eq=False)
class Witness:
    """The functions that learn how the program ends. A run is told for as long as it holds its witness.

    Attributes:
        unhandled: called with the type of an exception that nobody handled, and the text Python prints of it.
        preempt: called with the exit code of a signal that asks the program to end, and whether the process ends after
            this call (otherwise a handler follows that may let it continue). It runs inside the signal's handler, so it
            must not wait for another thread. It returns whether the wait for the server is over.
    """

    unhandled: Callable[[type[BaseException], str], None]
    preempt: Callable[[int, bool], Callable[[], bool]]


_told_of_exceptions: weakref.WeakSet[Witness] = weakref.WeakSet()
_told_of_signals: weakref.WeakKeyDictionary[Witness, frozenset[str]] = weakref.WeakKeyDictionary()


def exit_code() -> int:
    """The exit code as far as it is known: 0 until the program is about to end with another one."""
    missed = _exit_code.missed() if _installed else None
    if missed is not None:
        _exit_code.unhandled(type(missed))
        _tell(type(missed), traceback_text(type(missed), missed, missed.__traceback__))
    return _exit_code.exit_code() if _signal_code is None else _signal_code


def end_by(error: BaseException) -> None:
    """Note the exception that ends this process, where Python calls no hook. A SystemExit is no fault."""
    if _installed and not isinstance(error, SystemExit):
        _exit_code.unhandled(type(error))
        _tell(type(error), traceback_text(type(error), error, error.__traceback__))


def watch_exceptions(witness: Witness) -> None:
    """Tell the witness about unhandled exceptions, and watch the exit code."""
    global _installed  # noqa: PLW0603  one process has one end
    _told_of_exceptions.add(witness)
    if _installed:
        return
    _installed = True
    _exit_code.begin()
    before_hook, before_thread_hook, before_exit = sys.excepthook, threading.excepthook, sys.exit

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> Any:
        if not _exit_code.is_exiting():  # that of an exit function does not change the exit code
            _exit_code.unhandled(kind)
        _tell(kind, traceback_text(kind, error, trace))
        return before_hook(kind, error, trace)

    def thread_excepthook(args: threading.ExceptHookArgs) -> Any:
        if args.exc_type is not SystemExit:  # SystemExit silently ends the thread
            name = args.thread.name if args.thread else "?"
            text = traceback_text(args.exc_type, args.exc_value, args.exc_traceback)
            _tell(args.exc_type, f"Exception in thread {name}:\n{text}")
        return before_thread_hook(args)

    def exit(status: Any = None, /) -> NoReturn:  # noqa: A001  replaces sys.exit
        _exit_code.asked(status)
        before_exit(status)

    sys.excepthook = excepthook
    threading.excepthook = thread_excepthook
    sys.exit = exit
    _watch_other_names(before_exit, exit)


def _watch_other_names(before: Callable[..., NoReturn], after: Callable[..., NoReturn]) -> None:
    """Watch other names of exit: `from sys import exit` in modules imported so far, and `exit` and `quit` of `site`."""
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


def chain(names: Iterable[str] | None, more: Iterable[str] = (), *, begins: bool = False) -> frozenset[str]:
    """Put our handler before the handlers of some signals; witnesses can follow later. Ignored signals stay ignored.

    This is done when logging is configured, for two reasons. Logging is configured on the main thread, and handlers can
    only be set there. And it happens before servers such as uvicorn store the handlers they find; later they restore
    these handlers and raise the signal again.

    Args:
        names: the signals. None means SIGTERM if nobody handles it; it is silently left out if that is not possible.
        more: further signals, treated in the same way, if `names` is None.
        begins: whether a run begins. Before that, a process of `multiprocessing` leaves SIGTERM and `more` alone.

    Returns:
        The names of the signals that can reach us.

    Raises:
        ValueError: this is not the main thread, or a signal has a handler that cannot be called (one set from C).
    """
    if names is None:
        _watch_default()
        if parent_process() is not None and not begins:
            return frozenset()
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
    """Wrap `signal.signal`, once, so that code that restores SIGTERM's default restores our handler before it.

    Servers such as uvicorn restore the handler they found and raise the signal again. If they import the program, or if
    the program configures logging as it starts, they stored their handler before ours was set.
    """
    global _default_is_watched  # noqa: PLW0603  one process has one end
    _default_is_watched = True
    if signal.signal is _set:  # otherwise it is already wrapped, by us or by others
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


def watch_signals(witness: Witness, names: Iterable[str] | None, more: Iterable[str]) -> None:
    """Tell the witness about these signals; `names` of None, and `more`, are as for `chain`.

    Raises:
        ValueError: as for `chain`.
    """
    global _is_reminder  # noqa: PLW0603  one process has one end
    _told_of_signals[witness] = chain(names, more, begins=True)
    if parent_process() is not None:
        from wandb_logging._process import missed_signals  # noqa: PLC0415  only such processes need it

        _is_reminder = missed_signals.is_reminder
        missed_signals.watch(_is_missed)


def _is_missed(number: int) -> bool:
    """Whether a signal that has come will end this process, but for now does not."""
    handler = signal.getsignal(number)
    return isinstance(handler, _Chained) and handler.is_last and not _handling


def leave_signals_to_parent() -> None:
    """In a forked child, whose runs belong to the parent: signals that only ended the process do so again at once."""
    global _default_is_watched  # noqa: PLW0603  one process has one end
    _default_is_watched = False
    for number in _ours:
        handler = _signal.getsignal(number)
        if type(handler) is _Chained and handler.before is signal.SIG_DFL:
            try:  # noqa: SIM105  as in `close_quietly`
                _signal.signal(number, _DEFAULT)
            except ValueError:
                pass


@functools.cache
def _watch_forks() -> None:
    """Block our signals while a thread forks. Registered once, after the hook that unblocks them in a child.

    If a signal with a Python handler reaches a child before Python has begun there, it is lost. A pool that ends its
    workers at once would then wait for ever for a worker that was just forked.
    """
    if hasattr(os, "register_at_fork") and hasattr(signal, "pthread_sigmask"):
        os.register_at_fork(before=_hold_back, after_in_parent=_let_through, after_in_child=_let_through)


def _hold_back() -> None:
    util = sys.modules.get("multiprocessing.util")  # imported before multiprocessing forks
    if util is not None:
        _leave_in_workers(util)
    _masks[threading.get_ident()] = _signal.pthread_sigmask(signal.SIG_BLOCK, _ours)


@functools.cache
def _leave_in_workers(util: ModuleType) -> None:
    """Have each worker that multiprocessing forks let go of our signals, as there is no run in it that could be told.

    With a handler it would not hear SIGTERM if that comes just as it begins to wait. Other children, such as daemons,
    keep the handler: they may go on as the program.
    """
    util.register_after_fork(_Chained, lambda _: leave_signals_to_parent())


def _let_through() -> None:
    mask = _masks.pop(threading.get_ident(), None)
    if mask is not None:
        _signal.pthread_sigmask(signal.SIG_SETMASK, mask)


class _Chained:
    """A handler of ours that runs before the signal's earlier handler."""

    def __init__(self, before: Any) -> None:
        self.before = before

    @property
    def is_last(self) -> bool:
        """Whether the process ends after this handler."""
        return self.before is signal.SIG_DFL

    def __call__(self, number: int, frame: FrameType | None) -> None:
        global _handling  # noqa: PLW0603  one process has one end
        last = self.is_last
        if _handling and _is_reminder():
            return
        if not _handling:  # who sends a second signal does not want to wait for the server
            _handling = True
            try:
                _preempt(number, last=last)
            finally:
                _handling = False
        if last:
            _set(number, signal.SIG_DFL)
            signal.raise_signal(number)
            # The process is still here: it is process 1 of a container, to which the kernel only gives signals that are
            # handled. The sender wants the process to end, and would send SIGKILL next.
            os._exit(128 + number)
        else:
            self.before(number, frame)


def _preempt(number: int, *, last: bool) -> None:
    global _signal_code  # noqa: PLW0603  one process has one end
    _signal_code = 128 + number  # as shells report it
    name = signal.Signals(number).name
    over = []
    for witness, names in list(_told_of_signals.items()):
        if name in names:
            with contextlib.suppress(Exception):  # the earlier handler must be called in any case
                over.append(witness.preempt(_signal_code, last))
    while not all(is_over() for is_over in over):
        time.sleep(_LOOK)


def _tell(kind: type[BaseException], text: str) -> None:
    for witness in list(_told_of_exceptions):
        with contextlib.suppress(Exception):  # Python must treat the exception as usual in any case
            witness.unhandled(kind, text)


def traceback_text(kind: type[BaseException], error: BaseException | None, trace: TracebackType | None) -> str:
    """The text that Python prints of an unhandled exception, without the last newline."""
    try:
        return "".join(traceback.format_exception(kind, error, trace)).rstrip("\n")
    except Exception:  # the text of the exception itself cannot be made
        return kind.__name__
