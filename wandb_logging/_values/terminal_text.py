"""Text from elsewhere, as it may be printed: it must not steer the terminal, nor pass for a line of ours.

Names of metrics, runs and folders, and what a server says, are somebody else's. Escape sequences, line breaks and
controls of the writing direction in them become `?`. All that is printed or logged for a person goes through here.
"""

from __future__ import annotations

import re
import unicodedata

# A whole control sequence of a terminal: CSI and OSC with what belongs to them, and two-character ones.
_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


def clean(text: object) -> str:
    """Text for a part of one line."""
    # Not printable are controls, line breaks, direction marks, lone surrogates, and spaces other than the usual one.
    return "".join(char if char.isprintable() else "?" for char in str(text))


def one_line(text: object) -> str:
    """A message for one line: what separates its words becomes a space."""
    return clean(" ".join(str(text).split()))


def lines_of(text: object) -> str:
    """A message of several lines, such as a traceback. All but the first are indented, so that none looks like ours."""
    return "\n  ".join(map(clean, str(text).split("\n")))


def without_sequences(text: str) -> str:
    """What a program has printed, without its colours."""
    return _SEQUENCE.sub("", text)


def columns(text: str) -> int:
    """How wide a text is on a terminal: wide characters count twice, combining ones not at all."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) == "Me":
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, most: int) -> str:
    """A text in at most so many columns, with `...` where something is left out."""
    if columns(text) <= most:
        return text
    kept, room = [], most - 3
    for char in text:
        room -= _columns_of(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "..."[: max(0, most)]
