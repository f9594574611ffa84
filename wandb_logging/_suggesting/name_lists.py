"""Names beside one another, or within one another, and their numbers: `(a, b): (1 2)`, `a/b: 1/2`, `{a: {b: 1}}`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from wandb_logging._mining.numbers import number
from wandb_logging._mining.pairs import blot_out
from wandb_logging._mining.vocabulary import is_metric

_NAMES = re.compile(
    r"[\[(]((?:[A-Za-z0-9][\w%. -]{0,20}(?:, ?|/)){1,11}[A-Za-z][\w%. -]{0,20})[\])]\s*[:=]?\s*[\[(]?\s*(?=[-+.\d])"
)
_SLASHED = re.compile(
    r"(?<![\w/.])((?:[A-Za-z%][\w%]{0,20}/){2,11}[A-Za-z%][\w%]{0,20})\s?[:=]\s?((?:-?\d[\d.]*/){2,11}-?\d[\d.]*)"
)
_APART = re.compile(r"\s*(?:,|/|;)\s*|\s+")


def slashed(text: str, decimal: str) -> tuple[list[tuple[str, float, int, int]], str]:
    """The numbers with their names in `min/avg/max = 0.1/0.2/0.4`, and the line without them.

    Returns:
        Name, value, beginning and end of each; and the line, at the same length.
    """
    found: list[tuple[str, float, int, int]] = []
    for match in _SLASHED.finditer(text) if "/" in text and decimal == "." else ():
        names, numbers = match[1].split("/"), list(re.finditer(r"[^/]+", match[2]))
        if len(names) != len(numbers) or any(one[0].count(".") > 1 for one in numbers):
            continue
        begin = match.start(2)
        found += [
            (name, number(one[0].rstrip(".")), begin + one.start(), begin + len(one[0].rstrip(".")) + one.start())
            for name, one in zip(names, numbers)
        ]
        text = blot_out(text, *match.span())
    return found, text


_NUMBER = r"-?\d+\.\d+(?:[eE][-+]?\d+)?"
_TWO = rf"\s?[:=]?\s*(?P<x>{_NUMBER})%? ?/ ?(?P<y>{_NUMBER})(?![\w/]|\.\d)"
_HALVES = re.compile(
    r"(?<![\w/.])(?:(?P<noun>[A-Za-z][\w-]{0,20}) ?[(\[](?P<a>[A-Za-z]\w{0,12}) ?/ ?(?P<b>[A-Za-z]\w{0,12})[)\]]"
    rf"|(?P<one>[A-Za-z]\w{{0,12}}) ?/ ?(?P<other>[A-Za-z]\w{{0,12}})(?P<what>(?: [A-Za-z][\w-]{{0,20}}){{0,2}})){_TWO}"
)
_AGAIN = re.compile(rf"(?<![\w/.-])(?P<what>[A-Za-z][\w-]{{0,20}}(?: [A-Za-z][\w-]{{0,20}})?){_TWO}")
_PARTS = re.compile(r"(?i)(?:train|training|tr|trn|val|va|valid|validation|test|te|tst|dev|eval|evaluation)\Z")


def halves(text: str, decimal: str) -> tuple[list[tuple[str, float, int, int]], str]:
    """The numbers with their names in `train/val loss: 0.5/0.6, acc: 0.7/0.8`, and the line without them.

    Returns:
        As `slashed` does.
    """
    found: list[tuple[str, float, int, int]] = []
    two: tuple[str, str] | None = None
    at = 0
    while "/" in text and decimal == "." and (match := _HALVES.search(text, at) or (two and _AGAIN.search(text, at))):
        at = match.end("x")
        groups = match.groupdict()
        names = (groups.get("a") or groups.get("one"), groups.get("b") or groups.get("other"))
        if names[0] and names[1]:
            parts = _PARTS.match(names[0]) and _PARTS.match(names[1])
            two = (names[0], names[1]) if parts else None
        if not (two or (names[0] and names[1] and is_metric(names[0]) and is_metric(names[1]))):
            continue
        what = (groups.get("noun") or groups["what"] or "").strip()
        for name, group in zip(two or names, "xy"):
            found.append((f"{name} {what}".strip(), number(match[group]), *match.span(group)))
        text = blot_out(text, *match.span())
    return found, text


def nested(fields: Sequence[_Numbered], text: str) -> None:
    """Give numbers the names of the dicts they are in: `{'train': {'loss': 0.5}, 'val': {'loss': 0.6}}`."""
    if text.count("{") < 2:
        return
    within: list[str] = []
    ends = iter([*fields, None])
    one = next(ends)
    for match in _BRACES.finditer(text):
        while one is not None and one.start < match.start():
            if one.name and any(within):
                one.name = "/".join([*filter(None, within), one.name])
            one = next(ends)
        if match[0] == "}":
            del within[-1:]
        else:
            within.append(match[1] or match[2] or "")


_BRACES = re.compile(r"(?:'([\w .-]{1,40})'|\"([\w .-]{1,40})\")\s?:\s?\{|\{|\}")


def in_brackets(fields: Sequence[_Numbered], text: str) -> None:
    """Give numbers the word before their brackets, if the same names come again: `valid (HR: 0.5), test (HR: 0.6)`."""
    found = list(_IN_BRACKETS.finditer(text)) if text.count("(") > 1 else []
    names = [one.name for one in fields if any(match.start(2) <= one.start < match.end(2) for match in found)]
    if len(found) < 2 or len(set(names)) == len(names):
        return
    for match in found:
        for one in fields:
            if one.name and match.start(2) <= one.start < match.end(2):
                one.name = f"{match[1]}/{one.name}"


_IN_BRACKETS = re.compile(
    r"(?<![\w@-])([A-Za-z][\w@-]{0,30}):? ?\(((?:[A-Za-z][\w@.%-]{0,30} ?[:=] ?[-+]?\d[\d.]{0,20}"
    r"(?:[eE][-+]?\d{1,4})?(?:, ?| (?=[A-Za-z])|(?=\)))){1,12})\)"  # between two pairs a separator, in linear time
)


class _Numbered(Protocol):
    name: str
    sep: str
    start: int
    end: int
    unit: str


def name_lists(fields: Sequence[_Numbered], text: str) -> None:
    """Name the numbers that follow a list of as many names."""
    for match in _NAMES.finditer(text):
        names = [name.strip() for name in re.split(r", ?|/", match[1])]
        behind = [one for one in fields if one.start >= match.end()][: len(names)]
        if len(behind) == len(names) and _is_list(behind, match.end(), text):
            for one, name in zip(behind, names):
                one.name, one.sep = name, "="


def _is_list(fields: Sequence[_Numbered], start: int, text: str) -> bool:
    """Whether there is nothing but separators and units between these numbers, and no more numbers behind them."""
    ends = [start, *(one.end + len(one.unit) for one in fields)]
    between = [text[end : one.start] for end, one in zip(ends, fields)]
    last = text[ends[-1] :].lstrip(" ,/")
    return not between[0] and all(_APART.fullmatch(gap) for gap in between[1:]) and not last[:1].isdigit()
