"""What stands before the header and the rows of a table alike, and belongs to neither: brackets, times, programs."""

from __future__ import annotations

import re

CONNECTION = "[ ID]"  # iperf's first column: the number of a connection, or SUM
_BRACKET = re.compile(r"\[[^\[\]:]{3,40}\](?=\s)")
_SAID_BY = re.compile(
    r"[A-Za-z][\w.-]{0,30}(?:: {1,4}[A-Za-z]{1,10}:)? {0,2}(?:: {0,2})?\[\d{1,9}\] "
)  # prog: info: [42]
_DIGIT = re.compile(r"\d")


def without_lead(header: str, raw: str) -> tuple[str, str]:
    """Both lines without what a logger put before them: a bracket of the same width, or time, level and name."""
    bracket = _BRACKET.match(header) if header[:1] == "[" else None
    other = _BRACKET.match(raw) if bracket else None
    if bracket and other and bracket.end() == other.end() and bracket[0] != CONNECTION:
        width = bracket.end()
        return " " * width + header[width:], " " * width + raw[width:]
    if " - " in header and " - " in raw:
        width = header.index(" - ") + 3
        if _DIGIT.sub("0", header[:width]) == _DIGIT.sub("0", raw[:width]):
            return " " * width + header[width:], " " * width + raw[width:]
    said_by = _SAID_BY.match(header)
    if said_by and raw.startswith(said_by[0]):
        return " " * said_by.end() + header[said_by.end() :], " " * said_by.end() + raw[said_by.end() :]
    return header, raw
