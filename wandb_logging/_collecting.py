"""Keeps Python's garbage collection away from what is no garbage: imported modules, and all as a process ends."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import Iterator

_FREEZES = hasattr(gc, "freeze")  # CPython has it


@contextlib.contextmanager
def importing() -> Iterator[None]:
    """Import modules inside the `with` an eighth faster: nobody looks for garbage among them, for they stay.

    Collection is paused meanwhile, and then all objects of the process count as old, which are looked at seldom. Else
    all that were imported would be looked at as soon as collection goes on.
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            if _FREEZES and not gc.get_freeze_count():  # else those that the program has frozen would be thawed
                gc.freeze()
                gc.unfreeze()
            gc.enable()


def over() -> None:
    """Have the collection at exit look at no object: the process ends, and its memory is freed anyway."""
    if _FREEZES:
        gc.freeze()
