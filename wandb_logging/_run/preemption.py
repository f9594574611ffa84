"""Sends all rows when a signal asks the program to end: the signal's handler makes a wish, and waits for a round.

The handler may interrupt the main thread anywhere, also while that holds a lock that the listener needs. So nothing
here takes a lock that is held for long, and while the handler waits, the listener's own lock is free again and again.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from wandb_logging._process.listener import Listener


class Wish:
    """The wish of a signal handler that everything be sent now. The next round fulfils it."""

    def __init__(self) -> None:
        self.is_there = False

    def make(self) -> None:
        """Wish that everything be sent."""
        self.is_there = True

    def fulfil(self) -> None:
        """Note that a round that began after the wish has sent what it could."""
        self.is_there = False


def pursue(wish: Wish, listener: Listener, patience: float, at_last: Callable[[], object] | None) -> Callable[[], bool]:
    """Have a round made that fulfils a wish.

    Args:
        wish: the wish.
        listener: makes the round.
        patience: most seconds to wait.
        at_last: called when nobody waits any longer; None: nothing is.

    Returns:
        A function that says whether to stop waiting.
    """
    deadline = time.monotonic() + patience
    wish.make()
    listener.hurry(deadline)

    def is_over() -> bool:
        # A listener without a thread works on this one, and may be what was interrupted. The rows are in the journal.
        if wish.is_there and listener.running and time.monotonic() < deadline:
            listener.make_way()
            return False
        listener.calm(deadline)
        if at_last is not None:
            at_last()
        return True

    return is_over
