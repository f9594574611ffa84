"""Turn a program's output into lines for rules: colours removed, each redraw a line of its own, length limited."""

from __future__ import annotations

import re

OF = "/l:"  # separates the name of a stream from the name of its writer
MAX_LINES = 20_000  # of a log, from which rules are made
MAX_CHARS = 4096  # of one line; the rest is not looked at
MAX_RAW = 4 * MAX_CHARS  # of these, with the escape sequences that are removed

# What is no text: colours, modes, titles and other strings for the terminal, character sets, NUL and the bell.
_ESCAPES = (
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[PX^_][^\x07\x1b]*(?:\x07|\x1b\\)?"
    r"|\x1b[ -/]+[0-~]|\x1b[0-~]?|[\x00\x07]+"
)
_MOVES = r"\x1b\[([\d;]*)([A-Hf])"  # of the cursor
_BACK = r"([^\x08]*)(\x08*)"
_MOST_BACK = 100  # states of one line that backspaces draw over; the latest of more
_THOUSANDS = r"(?<=\d)[\u00a0\u2009\u202f](?=\d{3}(?!\d))"  # blanks that do not break, as in French: 1 234,5
_OF_NUMBERS = "0123456789.,'eE+-"
_ENDS = r"(\r*\n|\r+)"


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
    """One line as it is shown in the end, without escape sequences, cut at `MAX_CHARS`."""
    text = text[:MAX_RAW]
    return text if text.isprintable() and len(text) <= MAX_CHARS else _states(_with_moves(text))[-1]


def _with_moves(text: str) -> str:
    """A text with carriage returns and backspaces where escape sequences move the cursor as those do."""
    return re.sub(_MOVES, _moved, text) if "\x1b[" in text else text


def _moved(match: re.Match[str]) -> str:
    """What moves the cursor likewise: a carriage return, if it goes to another line or to the first column."""
    count, how = match.groups()
    if how == "D" and len(count) < _FAR and ";" not in count:
        return "\x08" * int(count or 1)
    return " " if how == "C" or (how == "G" and count not in {"", "0", "1"}) else "\r"


_FAR = 3  # digits; who goes so many columns to the left wants the first


def _states(text: str) -> list[str]:
    """What a line shows in turn where several backspaces draw over it. One backspace is that of a turning bar."""
    text = re.sub(_ESCAPES, "", text[:MAX_RAW])
    if "\x08" not in text:
        return [_cut(re.sub(_THOUSANDS, "'", text))]
    shown, at, states = "", 0, []
    for written, back in re.findall(_BACK, text):
        shown = shown[:at] + written + shown[at + len(written) :]
        at = max(at + len(written) - len(back), 0)
        if len(back) > 1:
            states.append(shown)
    states = states if states and states[-1] == shown else [*states, shown]
    return [_cut(re.sub(_THOUSANDS, "'", state)) for state in states[-_MOST_BACK:]]


def _cut(text: str) -> str:
    return text if len(text) <= MAX_CHARS else text[:MAX_CHARS].rstrip(_OF_NUMBERS)  # half a number is another one


def blanks(match: re.Match[str]) -> str:
    """As many blanks as a match is long: what is replaced by them leaves the columns behind it where they are."""
    return " " * len(match[0])


def redraws(line: str) -> list[str]:
    """The texts that one line of a file shows in turn, where carriage returns draw over it."""
    shown = [state for piece in _with_moves(line).split("\r") for state in _states(piece)]
    return shown if len(shown) == 1 else [state for state in shown if state.strip()] or [""]


def of_log(text: str) -> list[tuple[int, str]]:
    """The first `MAX_LINES` lines of a log with their numbers, from 1. Each redraw is a line of its own."""
    written = text.split("\n")[:MAX_LINES]
    return [(number, shown) for number, line in enumerate(written, 1) for shown in redraws(line)]


def split(begun: str, text: str) -> tuple[list[str], frozenset[int], str]:
    """The lines that `text` completes after the unfinished line `begun`, and the new unfinished line.

    A carriage return completes a line as far as its numbers are concerned, because the next text draws over the line.

    Returns:
        The lines; the places of those among them that the next one draws over; and the unfinished line.
    """
    text = _with_moves(begun + text)
    if "\r" not in text and "\x08" not in text:
        *whole, last = text.split("\n")
        return [line for line in map(clean, whole) if line.strip()], frozenset(), last[:MAX_RAW]
    held = "\r" if text.endswith("\r") else ""  # may be the first half of \r\n
    *parts, last = re.split(_ENDS, text[: len(text) - len(held)])
    lines: list[str] = []
    over: set[int] = set()
    for piece, end in zip(parts[::2], parts[1::2]):
        states = [state for state in _states(piece) if state.strip()]
        drawn = len(states) if end[-1] == "\r" else len(states) - 1
        over.update(range(len(lines), len(lines) + drawn))
        lines += states
    return lines, frozenset(over), last[:MAX_RAW] + held
