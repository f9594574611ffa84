"""Garbage collection leaves alone what is being imported, and is then what the program had set.

In programs of their own: what is said here is of a whole process, and one that runs tests may have frozen its objects.
"""

from __future__ import annotations

from tests.started import printed

_BEGIN = """
import gc, weakref
from wandb_logging._collecting import importing
"""


def test_nothing_is_looked_for_meanwhile_nor_right_after() -> None:
    """However many objects are made, no collection begins while modules are imported, nor with the first object after.

    What was garbage then goes with the next full collection.
    """
    code = """
class Looped: pass
began = []
gc.callbacks.append(lambda phase, about: began.append(phase))
with importing():
    made = [[number] for number in range(10_000)]
    looped = Looped()
    looped.loop = looped
    gone = weakref.ref(looped)
    del looped
made.append([])
print(began, gone() is None, gc.isenabled())
gc.collect()
print(gone() is None)
"""
    assert printed(_BEGIN + code).splitlines() == ["[] False True", "True"]


def test_what_the_program_has_frozen_stays_so() -> None:
    """A program that freezes its objects before it forks has them frozen afterwards."""
    code = """
gc.freeze()
before = gc.get_freeze_count()
with importing():
    pass
print(before > 1000, before - gc.get_freeze_count() < 100)  # some may have been freed
"""
    assert printed(_BEGIN + code).split() == ["True", "True"]


def test_who_has_switched_it_off_has_it_off() -> None:
    """Collection is not switched on for a program that does without; in another it goes on, also if a module fails."""
    code = """
for switch in (gc.disable, gc.enable):
    switch()
    try:
        with importing():
            raise ImportError
    except ImportError:
        print(gc.isenabled())
"""
    assert printed(_BEGIN + code).split() == ["False", "True"]
