"""A signal that asks the program to end: it leaves a wish, and looks whether that was fulfilled.

Its handler runs between any two instructions of the main thread, perhaps while that holds a lock which the listener
needs. So nothing here takes a lock that is held for long, or waits for another thread.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from wandb_logging._process.listener import Listener


class Wish:
    """That everything be sent now. Left by a signal's handler, fulfilled by the round that follows."""

    def __init__(self) -> None:
        self.is_there = False

    def make(self) -> None:
        """Wish it."""
        self.is_there = True

    def fulfil(self) -> None:
        """A round that began after the wish has sent what it could."""
        self.is_there = False


def pursue(wish: Wish, listener: Listener, patience: float) -> Callable[[], bool]:
    """Have a round made that fulfils a wish; the result says when not to wait for it any longer.

    Args:
        patience: seconds after which nobody waits.
    """
    deadline = time.monotonic() + patience
    wish.make()
    listener.hurry(deadline)

    def is_over() -> bool:
        # Without its thread the listener's work may be what was interrupted: the rows are in the journal.
        if wish.is_there and listener.running and time.monotonic() < deadline:
            return False
        listener.calm(deadline)
        return True

    return is_over
