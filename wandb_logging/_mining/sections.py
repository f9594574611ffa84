"""Headings that come in turns, each above rows of the same names: `MAC projection`, `Approximate projection`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from wandb_logging._mining.findings import Text
from wandb_logging._mining.group import Group
from wandb_logging._mining.writing import Suggestion

_HEADING = re.compile(r"[\s\[(<=*#-]*([A-Za-z][\w/-]*(?: [\w/()-]+){0,4}?)\s*(?::|\.\.\.)?[\s\])>=*#-]*\Z")
_NEAR = 3  # lines below a heading that are surely about it
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
    indented = [group for group in groups if _is_indented(group, above, lines)]
    if any(_are_own([above[item.number][1] for item in group.shapes]) for group in indented):
        for group in indented:
            group.label = "{section}/"
            found.update(dict.fromkeys(above[item.number][1] for item in group.shapes))
    return [
        Suggestion(
            {"line": lines[name].strip(), "section": name}, "a heading that says what the lines below it are about"
        )
        for name in found
    ]


def _is_indented(group: Group, above: Mapping[int, tuple[int, str]], lines: Mapping[str, str]) -> bool:
    """Whether each line of a group is indented right below a heading with a colon: `tcp_lat:`, `    latency = 3 us`."""
    if not group.wanted or group.label or group.step is not None or group.word is not None:
        return False
    headings = [above[item.number] for item in group.shapes]
    near = all(item.number - number <= _NEAR for item, (number, _) in zip(group.shapes, headings))
    colons = near and all(lines[name].rstrip().endswith(":") and lines[name][:1].isalpha() for _, name in headings)
    return colons and all(item.text[:2].isspace() for item in group.shapes)


def _are_own(names: Sequence[str]) -> bool:
    """Whether each of several lines has a heading of its own."""
    return len(set(names)) == len(names) > 1


def _in_turns(names: Sequence[str]) -> bool:
    """Whether names come in one order again and again, and there are several."""
    again = (length for length in range(2, min(_LONGEST, len(names) // 2) + 1) if names[length:] == names[:-length])
    return len(set(names[: next(again, 0)])) > 1
