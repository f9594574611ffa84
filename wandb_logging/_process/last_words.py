"""Says in the last line of a traceback what was wrong, although `dictConfig` has wrapped the error in another.

`dictConfig` turns every handler's error into "Unable to configure handler 'wandb'"; the cause is twenty lines above.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType, TracebackType


def say_last(error: BaseException) -> None:
    """Print this error last when the program ends, if it ends by an error that `logging.config` made of this one."""
    if not _configures():
        return
    before = sys.excepthook

    def excepthook(kind: type[BaseException], value: BaseException, traceback: TracebackType | None) -> None:
        before(kind, value, traceback)
        if value is not error and error in _causes(value):
            print(f"{type(error).__module__.partition('.')[0]}: {error}", file=sys.stderr)  # noqa: T201  below the traceback

    sys.excepthook = excepthook


def _configures() -> bool:
    frame: FrameType | None = sys._getframe()  # noqa: SLF001  the standard library offers no other way
    while frame is not None and frame.f_globals.get("__name__") != "logging.config":
        frame = frame.f_back
    return frame is not None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__
