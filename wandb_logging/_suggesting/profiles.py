"""Lists of how long the parts of a program took, or how often each was called: no line of them is a metric."""

from __future__ import annotations

import re
from collections.abc import Sequence

from wandb_logging._mining.vocabulary import step_rank

_TIMING = frozenset("time min max avg average total calls section %total %varavg count % wall cpu (s) ms sec".split())
_CALLS = frozenset({"calls", "ncalls", "#calls"})
_SPENT = ("cpu", "wall", "time", "self", "cum", "sec")
_SHARE = frozenset({"share", "%", "(%)", "fraction", "percent", "%total", "%time"})
_PROFILER = re.compile(r"(?i)\bline contents\Z|\bsum% +cum\b|\bshared object +symbol\b|\bncall\b.*\bttot\b")
_PART = re.compile(r"\s*[A-Za-z][^|=:]{0,60}?\s{2,}[-+]?\d[\d.eE+-]*(?:\s+\d[\d.]*%?)*(?: %)?\s*\Z")
_RULE = re.compile(r"[\s|+]*([-=*_])\1{3}[-=*_\s|+]*\Z")


def is_profile(header: str) -> bool:
    """Whether the header of a table, in words, says that its rows are the parts of a program and their times."""
    words = set(re.split(r"[\s|]+", header.lower().strip()))
    rest = {word for word in words - _TIMING if not word.startswith(_SPENT)}
    counted = any(step_rank(word) is not None for word in rest)
    spent = any(word.startswith(_SPENT) for word in words)
    called, shared = not words.isdisjoint(_CALLS) and spent, not words.isdisjoint(_SHARE) and len(rest - _SHARE) < _FEW
    timed = "time" in words and (shared or len(words - _TIMING) < _FEW)
    return bool(_PROFILER.search(header)) or (not counted and (called or timed))


_FEW = 2  # other words of a header


def profiles(texts: Sequence[tuple[int, str]]) -> set[int]:
    """The numbers of the lines of such lists, in columns that blanks separate: up to the first other line."""
    found: set[int] = set()
    within = False
    for number, text in texts:
        if within and (_PART.match(text[:200]) or _RULE.match(text[:200])):
            found.add(number)
        else:
            within = "time" in text[:200].lower() and len(text.split()) > _FEW and is_profile(text[:200])
    return found
