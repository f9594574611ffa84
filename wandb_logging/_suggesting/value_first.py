"""Reports in which each line begins with its number, or has a count and its share at its end.

`8671 (86.71%) aligned once`, `4,012,345 cycles  # 3.25 GHz`, `Aligned 1 time: 5999 (99.98%)`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from wandb_logging._suggesting.findings import Finding, Text

_LINE = re.compile(
    r"\s*\d[\d,]*(?:\.\d+)?(?P<more> \+ \d+| \(\d[\d.]*%\))?(?P<unit>\s(?:msec|ms|sec|s|%|[KMGT])|%)?\s+"
    r"(?P<name>[A-Za-z>][\w>-]*(?: [\w>-]+){0,7})\s*(?:(?P<aside>\([^()]*\)|#\s+[\d,.]+[ %].*\S)\s*)?\Z"
)
_SHARED = re.compile(
    r"\s*(?P<name>[A-Za-z](?=[^:]*\d)[^:{}=]{3,60}):\s+[\d,]+(?P<unit>)(?P<more> \(\d[\d.]*%\))(?P<aside>)\s*\Z"
)  # names that hold a number; others are found as they are
_LEAST = 3


def value_first(texts: Sequence[Text]) -> list[Finding]:
    """Find runs of such lines that recur, or that each have a percentage in brackets, a second count, or a rate."""
    runs: list[list[tuple[int, re.Match[str]]]] = [[]]
    for number, text in texts:
        match = _LINE.match(text) or _SHARED.match(text)
        if match is not None:
            runs[-1].append((number, match))
        elif runs[-1]:
            runs.append([])
    names = Counter(tuple(match["name"] for _, match in run) for run in runs)
    found = [
        _finding(number, match)
        for run in runs
        if len(run) >= _LEAST
        and _is_report([match for _, match in run], names[tuple(match["name"] for _, match in run)])
        for number, match in run
    ]
    return found[:_MOST]


_MOST = 40


def _is_report(run: Sequence[re.Match[str]], times: int) -> bool:
    told = sum(bool(one["more"] or (one["aside"] or "").startswith("#")) for one in run)
    report = told * 3 >= 2 * len(run) or times > 1 or _are_counts(run)
    return report and len({one["name"] for one in run}) == len(run)


def _are_counts(run: Sequence[re.Match[str]]) -> bool:
    """Whether many lines are counts with names of several words, in one column; not the numbers of a list."""
    several = sum(" " in one["name"].strip() for one in run)
    if len(run) < _MANY or several * 4 < len(run) * 3:
        return False
    counts = [match for one in run if (match := _COUNT.match(one.string))]
    in_column = (
        len({one.start(1) for one in counts}) == 1 <= counts[0].start(1) or len({one.end(1) for one in counts}) == 1
    )
    numbers = [float(one[1].replace(",", "")) for one in counts]
    return in_column and any(other - one != 1 for one, other in zip(numbers, numbers[1:]))


_COUNT = re.compile(r"\s*(\d[\d,]*)")
_MANY = 6  # lines


def _finding(number: int, match: re.Match[str]) -> Finding:
    name = match["name"].strip()
    middle = re.sub(r"\d[\d.]*", "{_}", match["more"] or "") + (match["unit"] or "")
    line = f"{name}: {{{name}}}{middle}" if match.re is _SHARED else f"{{{name}}}{middle} {name}"
    return Finding([{"line": line}], "a line of a report", {number})
