"""Ends the process of a command without taking Python apart first: the system frees its memory anyway, and at once."""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from typing import Any


def leave(code: int) -> None:
    """End this process with an exit code, once the functions that wait for its end were called.

    Returns, so that Python ends it, where somebody else still has something to do then: a thread, a debugger, a
    profiler, whoever measures coverage, or Python's development mode.

    Args:
        code: the exit code.
    """
    if _others_wait():
        return
    with contextlib.suppress(Exception):  # they say themselves what they raise
        atexit._run_exitfuncs()  # noqa: SLF001  there is no other way to call them
    for stream in filter(None, (sys.stdout, sys.stderr)):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)


def _others_wait() -> bool:
    watched = sys.gettrace() is not None or sys.getprofile() is not None or sys.flags.dev_mode
    return watched or _has_monitors() or _has_threads()


def _has_monitors() -> bool:
    monitoring: Any = getattr(sys, "monitoring", None)  # since Python 3.12
    return monitoring is not None and any(monitoring.get_tool(number) for number in range(6))


def _has_threads() -> bool:
    threading: Any = sys.modules.get("threading")
    if threading is None:
        return False
    return any(not (one.daemon or one is threading.main_thread()) for one in threading.enumerate())
