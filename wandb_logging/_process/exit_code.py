"""The exit code of this process, as far as Python lets a program know it before it is over.

Python tells nobody how a program comes to its end. What there is to go by: calls of `sys.exit`, which `ending` watches;
an exception nobody handled, which Python puts into `sys.last_value` whoever prints it; the exception that is on its way
while somebody closes us; and the last instruction of the main module, which is a return if it has run to its end, and
any other if a SystemExit ended it. The code of a SystemExit that was raised without `sys.exit` is in none of these: by
the time anybody is asked, it is gone.
"""

from __future__ import annotations

import sys
import threading
from opcode import opname
from types import FrameType
from typing import Any, Optional

FAILED = 1
INTERRUPTED = 255  # as the official SDK has it

_asked: int | None = None  # by the last call of sys.exit
_asked_in: FrameType | None = None  # the main module, as it ran then
_unhandled: int | None = None  # by the last exception that nobody handled
_last: int | None = None  # id of what was in sys.last_value before


def begin() -> None:
    """Look at what is there before the program's end is watched."""
    global _last  # noqa: PLW0603  one process has one end
    _last = _id_of(getattr(sys, "last_value", None))


def is_exiting() -> bool:
    """Whether the program has ended and only exit functions run."""
    return not threading.main_thread().is_alive()


def asked(status: object) -> None:
    """Take what sys.exit was called with. In another thread it ends that one; after the end it ends nothing."""
    global _asked, _asked_in
    if threading.current_thread() is threading.main_thread() and not is_exiting():
        _asked, _asked_in = code_of(status), _main_frame()


def unhandled(kind: type[BaseException]) -> None:
    """Take an exception that nobody handled. At a prompt the program goes on."""
    global _unhandled  # noqa: PLW0603  one process has one end
    if not hasattr(sys, "ps1"):
        _unhandled = INTERRUPTED if issubclass(kind, KeyboardInterrupt) else FAILED


def missed() -> BaseException | None:
    """The exception that ended the program, where our hook did not hear of it: others took its place."""
    last: Optional[BaseException] = getattr(sys, "last_value", None)  # noqa: UP045  as Python 3.9 has it at run time
    is_new = last is not None and _id_of(last) != _last
    return last if is_new and _unhandled is None and is_exiting() and not hasattr(sys, "ps1") else None


def exit_code() -> int:
    """The exit code as far as it is known: 0 until the program is about to end otherwise."""
    if not is_exiting():
        on_its_way = sys.exc_info()[1]
        return code_of(on_its_way.code) if isinstance(on_its_way, SystemExit) else _unhandled or 0
    was_caught = _asked_in is not None and _has_returned(_asked_in)
    return (_unhandled or 0) if was_caught or _asked is None else _asked


def on_its_way() -> int | None:
    """Which exception is being handled in this thread, or leaves it through a `finally`."""
    return _id_of(sys.exc_info()[1])


def is_what_ended(exception: int | None) -> bool:
    """Whether the program ended with the exception that was on its way then."""
    return exception is not None and is_exiting() and exception == _id_of(getattr(sys, "last_value", None))


def code_of(status: object) -> int:
    """The exit code Python makes of the argument of `sys.exit`, which is also the `code` of a SystemExit."""
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
