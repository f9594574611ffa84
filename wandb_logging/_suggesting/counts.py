"""Counts with their names behind them, under what they are about: `Files: 40 new, 2 changed`."""

from __future__ import annotations

import re

from wandb_logging._mining import numbers
from wandb_logging._mining.pairs import blot_out

_OF_TESTS = frozenset("passed passing skipped pending warning warnings".split())
Counted = tuple[str, float, int, int]

_NUMBER = r"\d+(?:\.\d+)?[kKM]?"
_NAME = r"(?!to )[a-z][\w/-]*(?: [a-z][\w-]*){0,2}"
_LIST = re.compile(
    rf"(?<![^\s>|\x01])(?P<about>%?[A-Za-z][\w()-]*(?: [\w()-]+){{0,4}})\s?:\s*"
    rf"(?P<list>{_NUMBER} {{1,9}}{_NAME}(?: ?[,/;] *{_NUMBER} {{1,9}}{_NAME}){{1,11}})\s*\.?\s*\Z"
)
_STEP = re.compile(r"(?i)\b(?:round|step|epoch|iter(?:ation)?|generation|gen|cycle|episode|trial|batch|pass) #?\d+\Z")
_ONE = re.compile(rf"({_NUMBER}) +({_NAME})")
_UNITS = numbers.UNITS - {"us"} | {"hour", "minute", "day", "days"}


def counts_behind(text: str, head: int, decimal: str) -> tuple[str, list[Counted], str]:
    """What a line ends with: two or more counts, each with its name behind it.

    Returns:
        What they are about; name, value, beginning and end of each; and the line without them, at the same length.
    """
    match = _LIST.search(text, head) if ":" in text and decimal == "." else None
    if match is None:
        return "", [], text
    found = list(_ONE.finditer(text, match.start("list")))
    names = [one[2] for one in found]
    words = {word for name in names for word in name.split()}
    duration = any(name.partition(" ")[0] in _UNITS for name in names)  # `3 min, 20 sec`
    if len(set(names)) < len(names) or duration or not _OF_TESTS.isdisjoint(words):
        return "", [], text
    about = match["about"]
    if _STEP.search(about):  # `Round 3: 40 new, 2 changed` is of round 3, and about no `Round 3`
        return "", [], text
    counts = [(f"{about}/{one[2]}", numbers.number(one[1]), *one.span(1)) for one in found]
    return about, counts, blot_out(text, *match.span())
