"""Pauses Python's garbage collection while a command imports its modules, and prevents it as the process ends."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Pause garbage collection inside the `with`: imported modules stay, so there is nothing to collect."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def over() -> None:
    """Have the collection at exit look at no object: the process ends, and its memory is freed anyway."""
    gc.freeze()
