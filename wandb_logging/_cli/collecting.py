"""When Python looks for garbage: not while a command imports what it needs, and not as the process ends."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator


@contextlib.contextmanager
def paused() -> Iterator[None]:
    """Nothing is looked for meanwhile: what is imported stays."""
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()


def over() -> None:
    """The process ends: nothing there is worth a look any more."""
    gc.freeze()
