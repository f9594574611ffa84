"""Turn a program's output into lines for rules: colours removed, each redraw a line of its own, length limited."""

from __future__ import annotations

import re

OF = "/l:"  # separates the name of a stream from the name of its writer
MAX_LINES = 20_000  # of a log, from which rules are made
MAX_CHARS = 4096  # of one line; the rest is not looked at
MAX_RAW = 4 * MAX_CHARS  # of these, with the escape sequences that are removed

# Matches colours, cursor movements and titles, and text that backspaces erase.
_ESCAPES = r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?|[\x08\x00\x07]+"
_THOUSANDS = r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))"  # blanks that do not break, as in French: 1 234,5
_OF_NUMBERS = "0123456789.,'eE+-"
_ENDS = r"\r*\n|\r+"


class Line:
    """A line that rules are tried on.

    Attributes:
        raw: the line as it is written, for columns and indentation.
        text: the line with single blanks.
        stream: where the line comes from.
        logger: the record's logger; "" if the line is not a record's.
        level: the record's level.
    """

    __slots__ = ("level", "logger", "raw", "stream", "text")

    def __init__(self, raw: str, stream: str = "", logger: str = "", level: int = 0) -> None:
        self.raw = raw
        self.text = raw if "  " not in raw and raw.isprintable() and raw[:1] != " " else " ".join(raw.split())
        self.stream = stream
        self.logger = logger
        self.level = level


def clean(text: str) -> str:
    """One line without escape sequences, cut at `MAX_CHARS`."""
    text = text[:MAX_RAW]
    if not text.isprintable():
        text = re.sub(_THOUSANDS, "'", re.sub(_ESCAPES, "", text))
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS].rstrip(_OF_NUMBERS)  # half a number is another one


def blanks(match: re.Match[str]) -> str:
    """As many blanks as a match is long: what is replaced by them leaves the columns behind it where they are."""
    return " " * len(match[0])


def redraws(line: str) -> list[str]:
    """The texts that one line of a file shows in turn, where carriage returns draw over it."""
    if "\r" not in line:
        return [clean(line)]
    shown = [clean(piece) for piece in line.split("\r")]
    return [piece for piece in shown if piece.strip()] or [""]


def of_log(text: str) -> list[tuple[int, str]]:
    """The first `MAX_LINES` lines of a log with their numbers, from 1. Each redraw is a line of its own."""
    written = text.split("\n")[:MAX_LINES]
    return [(number, shown) for number, line in enumerate(written, 1) for shown in redraws(line)]


def split(begun: str, text: str) -> tuple[list[str], str]:
    """The lines that `text` completes after the unfinished line `begun`; and the new unfinished line.

    A carriage return completes a line as far as its numbers are concerned, because the next text draws over the line.
    """
    text = begun + text
    held = "\r" if text.endswith("\r") else ""  # may be the first half of \r\n
    pieces = re.split(_ENDS, text[: len(text) - len(held)])
    return [line for line in map(clean, pieces[:-1]) if line.strip()], pieces[-1][:MAX_RAW] + held
