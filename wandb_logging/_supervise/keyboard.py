"""Typed input on its way from our terminal to the one that the program has. POSIX only."""

from __future__ import annotations

import os
import selectors
import signal

from wandb_logging._supervise import terminal
from wandb_logging._supervise.streams import PIECE, write_some
from wandb_logging._supervise.terminal import Terminal

_STDIN = 0
_AHEAD = 2**16  # bytes that wait for the program before no more is read


class Keyboard:
    """The keyboard of our terminal, as long as the program is to get what is typed.

    Args:
        target: our end of the program's terminal. To write to it must not wait: a program that only writes would else
            wait for us, and we for it.

    Attributes:
        listens: whether we read typed input.
        is_over: whether there will be none any more.
    """

    def __init__(self, target: int) -> None:
        self._target = target
        self._terminal = Terminal()
        self._waiting = b""  # input that the program's terminal had no room for yet
        self.listens = self.is_over = False

    def give(self) -> None:
        """Give the program our terminal, and what was typed there before."""
        self._waiting += self._terminal.give()

    def take_back(self) -> None:
        """Have our terminal as it was."""
        self._terminal.take_back()

    def look(self, selector: selectors.BaseSelector) -> bool:
        """Read typed input while we are in the foreground, which `bg` and `fg` may change.

        Returns:
            Whether that begins now.
        """
        here = not self.is_over and terminal.is_ours(_STDIN) and len(self._waiting) < _AHEAD
        if not here:
            self.leave(selector)
        elif not self.listens:
            self.give()
            selector.register(_STDIN, selectors.EVENT_READ, None)
            self.listens = True
            self.hand_on(selector)
            return True
        return False

    def leave(self, selector: selectors.BaseSelector) -> None:
        """Do not read typed input, if we do."""
        if self.listens:
            selector.unregister(_STDIN)
            self.listens = False

    def read(self, selector: selectors.BaseSelector) -> set[signal.Signals]:
        """Give the program what was typed. Returns the signals that keys among it stand for."""
        data = os.read(_STDIN, PIECE)
        if not data:
            self.leave(selector)
            self.is_over = True
            return set()
        self._waiting += data
        numbers = terminal.signals_at(self._target, data)
        self.hand_on(selector)
        return numbers

    def hand_on(self, selector: selectors.BaseSelector) -> None:
        """Give the program as much as its terminal has room for; the rest when there is room again."""
        self._waiting = self._waiting[write_some(self._target, self._waiting) :]
        key = selector.get_map().get(self._target)
        if key is not None:  # else the program has ended
            events = selectors.EVENT_READ | (selectors.EVENT_WRITE if self._waiting else 0)
            selector.modify(self._target, events, key.data)
