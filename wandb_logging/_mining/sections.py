"""Headings that come in turns, each above rows of the same names: `MAC projection`, `Approximate projection`."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._mining.findings import Text
from wandb_logging._mining.group import Group
from wandb_logging._mining.writing import Suggestion

_HEADING = re.compile(r"[\s\[(<=*#-]*([A-Za-z][\w/-]*(?: [\w/()-]+){0,4}?)\s*(?::|\.\.\.)?[\s\])>=*#-]*\Z")
_FAR = 20  # lines below a heading that can be about it
_LONGEST = 16  # headings, or rows of one name, until the first heading comes again


def under_recurring(groups: Sequence[Group], texts: Sequence[Text]) -> list[Suggestion]:
    """Put the section before names whose lines stand below several headings in turns; the rules for these headings."""
    taken = {item.number for group in groups for item in group.shapes}
    above: dict[int, tuple[int, str]] = {}
    lines: dict[str, str] = {}
    last = (-_FAR - 1, "")
    for number, text in texts:
        match = None if number in taken else _HEADING.match(text)
        if match is not None and not any(map(str.isdigit, match[1])):
            last = (number, match[1])
            lines[match[1]] = min(lines.get(match[1], text), text, key=len)  # with or without a colon
        above[number] = last
    found: dict[str, None] = {}
    for group in groups:
        headings = [above[item.number] for item in group.shapes]
        names = [name for _, name in headings]
        near = all(item.number - number <= _FAR for item, (number, _) in zip(group.shapes, headings))
        if near and group.wanted and not group.label and group.word is None and _in_turns(names):
            group.label = "{section}/"
            found.update(dict.fromkeys(names))
    return [
        Suggestion(
            {"line": lines[name].strip(), "section": name}, "a heading that says what the lines below it are about"
        )
        for name in found
    ]


def _in_turns(names: Sequence[str]) -> bool:
    """Whether names come in one order again and again, and there are several."""
    again = (length for length in range(2, min(_LONGEST, len(names) // 2) + 1) if names[length:] == names[:-length])
    return len(set(names[: next(again, 0)])) > 1
