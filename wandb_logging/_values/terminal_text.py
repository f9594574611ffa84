"""Makes text from elsewhere safe to print: it must not steer the terminal, nor look like a line of ours.

Names of metrics, runs and folders, and a server's messages, come from somebody else. Escape sequences, line breaks and
controls of the writing direction in them become `?`. Everything that is printed or logged for a person goes through
here.
"""

from __future__ import annotations

import re
import unicodedata

# A whole control sequence of a terminal: CSI and OSC with their parameters, and sequences of two characters.
_SEQUENCE = r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])"


def clean(text: object) -> str:
    """Text for a part of one line."""
    # Not printable are control characters, line breaks, direction marks, lone surrogates, and spaces other than " ".
    text = str(text)
    return text if text.isprintable() else "".join(char if char.isprintable() else "?" for char in text)


def one_line(text: object) -> str:
    """A message on one line: line breaks, tabs and runs of spaces become one space."""
    return clean(" ".join(str(text).split()))


def lines_of(text: object) -> str:
    """A message of several lines, such as a traceback. All but the first are indented, so that none looks like ours."""
    return "\n  ".join(map(clean, str(text).split("\n")))


def without_sequences(text: str) -> str:
    """A text without control sequences such as colours."""
    return re.sub(_SEQUENCE, "", text)


def columns(text: str) -> int:
    """How wide a text is on a terminal: wide characters count twice, combining ones not at all."""
    if text.isascii():
        return len(text)
    return sum(map(_columns_of, text))


def _columns_of(char: str) -> int:
    if unicodedata.category(char) in {"Mn", "Me"} or "\u1160" <= char <= "\u11ff":  # the latter: inner parts of Hangul
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def cut(text: str, most: int) -> str:
    """A text cut to at most `most` columns, with `...` at its end if it was cut."""
    if columns(text) <= most:
        return text
    kept, room = [], most - 3
    for char in text:
        room -= _columns_of(char)
        if room < 0:
            break
        kept.append(char)
    return "".join(kept) + "..."[: max(0, most)]
