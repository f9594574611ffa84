"""From what a program writes to the lines that rules see: no colours, one line for each redraw, cut at a length."""

from __future__ import annotations

import re

OF = "/l:"  # between the name of a stream and whose it is
MAX_CHARS = 4096  # of one line; what is beyond is not looked at

# Colours, cursor movements and titles; and what is drawn over by going back.
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b[@-Z\\-_]?|[\x08\x00\x07]+")
_ENDS = re.compile(r"\r*\n|\r+")


def clean(text: str) -> str:
    """One line without escape sequences, cut at `MAX_CHARS`."""
    text = text[: 4 * MAX_CHARS]
    if not text.isprintable():
        text = _ESCAPES.sub("", text)
    return text[:MAX_CHARS]


def redraws(line: str) -> list[str]:
    """The texts that one line of a file shows one after the other, where carriage returns draw over it."""
    if "\r" not in line:
        return [clean(line)]
    shown = [clean(piece) for piece in line.split("\r")]
    return [piece for piece in shown if piece.strip()] or [""]


def split(begun: str, text: str) -> tuple[list[str], str]:
    """The lines that are complete once `text` follows what was `begun`; and what is begun now.

    A carriage return completes a line, as far as its numbers are concerned: what follows draws over it.
    """
    text = begun + text
    held = "\r" if text.endswith("\r") else ""  # perhaps half of \r\n
    pieces = _ENDS.split(text[: len(text) - len(held)])
    return [line for line in map(clean, pieces[:-1]) if line.strip()], pieces[-1][-4 * MAX_CHARS :] + held
