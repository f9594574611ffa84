"""Find names on lines of their own with their number on the line below."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence

from wandb_logging._mining import numbers
from wandb_logging._mining.cells import cell
from wandb_logging._mining.vocabulary import is_id, is_result, is_setting, is_timing, step_rank
from wandb_logging._suggesting.findings import Finding, Text

_TITLE = re.compile(r"[ \t#>*-]{0,12}([A-Za-z][\w%/().'-]{0,30}(?: [\w%/().'-]{1,30}){0,4})\s{0,4}[:=]?\s*\Z")
_NUMBER = re.compile(rf"\s{{0,20}}(\[1\] +)?({numbers.POINT})(?: ?[A-Za-z%/]{{1,8}})?\s*\Z")  # R begins with [1]
_ROWS = 3  # numbers below one name that are rows, whatever the name


def titled_numbers(texts: Sequence[Text]) -> list[Finding]:
    """Find names on lines of their own with one number on the line below: `Function Value`, `[1] 24.2`.

    The same name comes again with other numbers, or it is that of a result.
    """
    found: dict[tuple[str, str], list[tuple[int, int, float]]] = defaultdict(list)
    for i, (number, text) in enumerate(texts[:-1]):
        title = _TITLE.match(text[:200]) if len(text) < 200 else None
        if title is None or title[1].endswith("..."):
            continue
        at = i + 1 if texts[i + 1][1].strip() or i + 2 == len(texts) else i + 2
        below = _NUMBER.match(texts[at][1][:80])
        listed = at + 1 < len(texts) and _NUMBER.match(texts[at + 1][1][:80])
        value = cell(below[2]) if below and not listed else None
        if below and value is not None:
            found[title[1], "[1] " if below[1] else ""].append((number, texts[at][0], value))
    return [_finding(*key, rows) for key, rows in found.items() if _are_results(key[0], [row[2] for row in rows])]


def _are_results(name: str, values: Sequence[float]) -> bool:
    if is_setting(name) or is_id(name) or is_timing(name) or step_rank(name) is not None:
        return False
    varies = len(set(values)) > 1 and any(value % 1 for value in values)
    return (len(values) >= _ROWS and varies) or (is_result(name) and all(value % 1 for value in values))


def _finding(name: str, mark: str, rows: Sequence[tuple[int, int, float]]) -> Finding:
    rule = {"line": f"{name}\n{mark}{{{name}}}"}
    lines = {number for row in rows for number in row[:2]}
    return Finding(
        [rule], f"{len(rows)} numbers below their name", lines, rows[0][1] if len(rows) >= _ROWS else 0, follows=True
    )
