"""How the program ends: the exit code a run gets when nobody finished it by hand.

An unhandled exception ends it with 1, `sys.exit(code)` with that code. Python tells nobody afterwards how it came to
its end, so both are watched, as the official SDK does: `sys.excepthook` and `sys.exit` are wrapped, once, when the
first run with `exit_hooks` starts, and what was there before is called as before.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from types import TracebackType

_code = 0
_installed = False


def exit_code() -> int:
    """Exit code of the program as far as it is known: 0 until it is about to end otherwise."""
    return _code


def install() -> None:
    """Watch how the program ends. Once; later calls do nothing."""
    global _installed  # noqa: PLW0603  one process has one end
    if _installed:
        return
    _installed = True
    before_hook, before_exit = sys.excepthook, sys.exit

    def excepthook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> Any:
        _note(255 if issubclass(kind, KeyboardInterrupt) else 1)
        return before_hook(kind, error, traceback)

    def exit(status: Any = None, /) -> NoReturn:  # noqa: A001  it stands for sys.exit
        _note(_as_code(status))
        before_exit(status)

    sys.excepthook = excepthook
    sys.exit = exit


def _note(code: int) -> None:
    global _code  # noqa: PLW0603  one process has one end
    _code = code


def _as_code(status: object) -> int:
    """The exit code Python makes of the argument of `sys.exit`."""
    if status is None:
        return 0
    return status if isinstance(status, int) else 1
