r"""What a terminal shows of the text that programs write to it, line by line. Pure: no I/O, no clock.

The rules are those of the official SDK's console capture (protocol 4.6): `\n` ends a line, `\r` goes back to its
first column and what follows overwrites, `ESC[A` and `ESC[B` go a line up and down; all else is text. stdout and
stderr are two terminals whose lines share one numbering, in the order in which they were begun. The latest lines can
still change; older ones stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from wandb_logging._dataclass import dataclass

HEIGHT = 32  # lines that can still change, and lines a cursor can go up
MAX_LINE_CHARS = 4096  # protocol 4.4; what is beyond is cut off

# Text, or one of the characters and sequences that mean something. At the end a sequence may be incomplete.
_PIECES = r"[^\r\n\x1b]+|\r|\n|\x1b\[[AB]|\x1b\[?\Z|\x1b"


@dataclass
class Line:
    """One line.

    Attributes:
        number: its place among all lines of the run.
        time: when it was begun, seconds since 1970.
        error: whether it is stderr's.
        text: what it shows.
    """

    number: int
    time: float
    error: bool
    text: str = ""


class Screen:
    """Both terminals of a program.

    Args:
        saved: what `saved` gave, plain JSON; `{}` at first.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self._lines = {item[0]: Line(*item) for item in saved.get("lines", ())}
        self._out = _Terminal(self._lines, saved.get("out", {}), error=False)
        self._err = _Terminal(self._lines, saved.get("err", {}), error=True)

    @property
    def saved(self) -> dict[str, Any]:
        """This as plain JSON."""
        lines = [list(vars(line).values()) for line in self._lines.values()]
        return {"lines": lines, "out": self._out.saved, "err": self._err.saved}

    def write(self, text: str, next_line: int, time: float, *, error: bool) -> dict[int, Line]:
        """Write to one of the terminals; the lines that are new or changed by that, by number.

        Args:
            text: what is written; may begin and end anywhere.
            next_line: number of the run's next new line. Lines that come from elsewhere count, too.
            time: seconds since 1970.
            error: whether to stderr.
        """
        terminal = self._err if error else self._out
        changed, next_line = terminal.write(text, next_line, time)
        for number in [number for number in self._lines if number < next_line - HEIGHT]:
            del self._lines[number]
        return changed


def without_old(saved: Mapping[str, Any], next_line: int) -> dict[str, Any]:
    """What a screen saved, without the lines that cannot change any more: for one that is not written to."""
    return {**saved, "lines": [line for line in saved.get("lines", ()) if line[0] >= next_line - HEIGHT]}


class _Terminal:
    """One terminal: its cursor, and the numbers of the lines in its view."""

    def __init__(self, lines: dict[int, Line], saved: Mapping[str, Any], *, error: bool) -> None:
        self._lines = lines
        self._error = error
        self._view: list[int] = list(saved.get("view", ()))
        self._x: int = saved.get("x", 0)
        self._y: int = saved.get("y", 0)
        self._begun: str = saved.get("begun", "")  # an escape sequence that is not complete
        self._next_line = 0
        self._time = 0.0
        self._changed: dict[int, Line] = {}

    @property
    def saved(self) -> dict[str, Any]:
        return {"view": self._view, "x": self._x, "y": self._y, "begun": self._begun}

    def write(self, text: str, next_line: int, time: float) -> tuple[dict[int, Line], int]:
        """The lines that are new or changed, and the number of the next new line."""
        self._next_line, self._time, self._changed = next_line, time, {}
        text, self._begun = self._begun + text, ""
        for match in re.finditer(_PIECES, text):
            piece = match.group()
            if piece == "\r":
                self._x = 0
            elif piece == "\n":
                self._x = 0
                self._down()
            elif piece == "\x1b[A":
                self._y = max(0, self._y - 1)
            elif piece == "\x1b[B":
                self._down()
            elif piece[0] == "\x1b" and match.end() == len(text):
                self._begun = piece
            else:
                self._put(piece)
        return self._changed, self._next_line

    def _down(self) -> None:
        self._y += 1
        if self._y >= HEIGHT:
            del self._view[:1]
            self._y -= 1

    def _put(self, text: str) -> None:
        while self._y >= len(self._view):
            self._begin_line()
        number = self._view[self._y]
        line = self._lines.get(number)
        if line is not None and number >= self._next_line - HEIGHT and self._x < MAX_LINE_CHARS:
            shown = (line.text.ljust(self._x)[: self._x] + text + line.text[self._x + len(text) :])[:MAX_LINE_CHARS]
            if shown != line.text:
                line.text = shown
                self._changed[number] = line
        self._x += len(text)

    def _begin_line(self) -> None:
        line = Line(self._next_line, self._time, self._error)
        self._lines[line.number] = self._changed[line.number] = line
        self._view.append(line.number)
        self._next_line += 1
