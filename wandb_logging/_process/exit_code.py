"""The exit code of this process, as far as Python lets a program know it before the end.

Python tells nobody how a program comes to its end, but there are four signs: calls of `sys.exit`, which `ending`
watches; an unhandled exception, which Python stores in `sys.last_value` whoever prints it; the exception being raised
while somebody closes us; and the last instruction of the main module, which is a return if the module ran to its end,
and any other if a SystemExit ended it. None of these holds the code of a SystemExit that was raised without `sys.exit`:
the code is gone before anybody can ask.
"""

from __future__ import annotations

import sys
import threading
from opcode import opname
from types import FrameType
from typing import Any, Optional

FAILED = 1
INTERRUPTED = 255  # the official SDK's code
# Modules of `multiprocessing` that end a process, and their name for its code.
_WORKERS = {
    "multiprocessing.popen_fork": "code",
    "multiprocessing.forkserver": "code",
    "multiprocessing.spawn": "exitcode",
}

_asked: int | None = None  # argument of the last call of sys.exit, as a code
_asked_in: FrameType | None = None  # the main module's frame at that call
_unhandled: int | None = None  # exit code from the last unhandled exception
_last: int | None = None  # id of the object in sys.last_value at the beginning


def begin() -> None:
    """Remember the present state before the program's end is watched."""
    global _last  # noqa: PLW0603  one process has one end
    _last = _id_of(getattr(sys, "last_value", None))


def is_exiting() -> bool:
    """Whether the program has ended and only exit functions still run."""
    return not threading.main_thread().is_alive()


def asked(status: object) -> None:
    """Note a call of sys.exit. In another thread the call only ends that thread; after the program's end, nothing.

    With such a call `multiprocessing` ends a process that it has spawned, when that has waited for its threads.
    """
    global _asked, _asked_in
    if is_exiting():
        ended_as_worker()
    elif threading.current_thread() is threading.main_thread():
        _asked, _asked_in = code_of(status), _main_frame()


def unhandled(kind: type[BaseException]) -> None:
    """Note an unhandled exception. At a prompt the program goes on after one."""
    global _unhandled  # noqa: PLW0603  one process has one end
    if not hasattr(sys, "ps1"):
        _unhandled = INTERRUPTED if issubclass(kind, KeyboardInterrupt) else FAILED


def ended_as_worker() -> None:
    """Note the exit code that `multiprocessing` has for this process of its own.

    From Python 3.13 on it calls exit functions when it has handled whatever ended the process, and has made the code of
    that. Before, it calls them within `_bootstrap`, where the exception is still on its way.
    """
    global _unhandled  # noqa: PLW0603  one process has one end
    frame: Optional[FrameType] = sys._getframe()  # noqa: SLF001, UP045  there is no other way to ask who calls
    while frame is not None and frame.f_code.co_name != "_bootstrap":
        name = _WORKERS.get(frame.f_globals.get("__name__", ""))
        if name is not None and type(code := frame.f_locals.get(name)) is int:
            _unhandled = code
            return
        frame = frame.f_back


def missed() -> BaseException | None:
    """The exception that ended the program if our hook did not see it, because others replaced the hook."""
    last: Optional[BaseException] = getattr(sys, "last_value", None)  # noqa: UP045  as Python 3.9 has it at run time
    is_new = last is not None and _id_of(last) != _last
    return last if is_new and _unhandled is None and is_exiting() and not hasattr(sys, "ps1") else None


def exit_code() -> int:
    """The exit code as far as it is known: 0 until the program is about to end with another one."""
    if not is_exiting():
        on_its_way = sys.exc_info()[1]
        return code_of(on_its_way.code) if isinstance(on_its_way, SystemExit) else _unhandled or 0
    was_caught = _asked_in is not None and _has_returned(_asked_in)
    return (_unhandled or 0) if was_caught or _asked is None else _asked


def on_its_way() -> int | None:
    """The id of the exception that this thread handles, or that leaves it through a `finally`; None without one."""
    return _id_of(sys.exc_info()[1])


def is_what_ended(exception: int | None) -> bool:
    """Whether the program ended with the exception that `on_its_way` reported."""
    return exception is not None and is_exiting() and exception == _id_of(getattr(sys, "last_value", None))


def code_of(status: object) -> int:
    """The exit code that Python makes of an argument of `sys.exit`, or of the `code` of a SystemExit."""
    if status is None:
        return 0
    return status if isinstance(status, int) else FAILED


def _main_frame() -> FrameType | None:
    """The outermost frame of the main module: a script, `-m`, `-c` or a line at a prompt; None if there is none."""
    main = getattr(sys.modules.get("__main__"), "__dict__", None)
    found: Optional[FrameType] = None  # noqa: UP045  as Python 3.9 has it at run time
    frame: Optional[FrameType] = sys._getframe()  # noqa: SLF001, UP045  there is no other way to ask who calls
    while frame is not None:
        if frame.f_globals is main:
            found = frame
        frame = frame.f_back
    return found


def _has_returned(frame: FrameType) -> bool:
    return opname[frame.f_code.co_code[frame.f_lasti]].startswith("RETURN_")


def _id_of(thing: Any) -> int | None:
    return None if thing is None else id(thing)
