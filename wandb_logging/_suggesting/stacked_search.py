"""Find tables whose header takes three or more lines: below lines of short names there are rows of numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from wandb_logging._mining.cells import RULE
from wandb_logging._mining.stacked import Stacked, mark_of, names_of, row
from wandb_logging._suggesting.findings import Finding, Text, best_step

_NAME = re.compile(r"[A-Za-z%*#][\w%*#./()-]{0,30}\Z")


def stacked_tables(texts: Sequence[Text]) -> list[Finding]:
    """Find the tables with a header of three to five lines."""
    found: list[Finding] = []
    for i, (number, text) in enumerate(texts):
        if found and number in found[-1].lines:
            continue
        size = 0
        while size < 6 and i + size < len(texts) and _is_names(texts[i + size][1]):
            size += 1
        if 3 <= size <= 5 and text.strip():
            finding = _table(texts, i, size)
            found += [] if finding is None else [finding]
        if len(found) > 3:
            break
    return found


def _is_names(text: str) -> bool:
    """Whether a line could be a line of such a header: short names, none over another's end."""
    words = text.split()
    return 1 < len(words) < 20 and not RULE.match(text) and all(map(_NAME.match, words)) and "  " in text.strip()


def _table(texts: Sequence[Text], i: int, size: int) -> Finding | None:
    lines = [text for _, text in texts[i : i + size]]
    names = names_of(lines)
    if len(set(names)) < len(names) or len(names) < 2 * size:
        return None
    mark = mark_of(lines)
    header = "\n".join(" ".join(line[len(mark) :].split()) for line in lines)
    state: dict[str, Any] = {}
    table = Stacked(header)
    near = [row(names, text) for _, text in texts[i + size : i + size + 4]]
    if not any(near):
        return None
    rows = [(number, values) for number, text in texts[i:] if (values := table.find(text, state))]
    taken = {number for number, _ in rows} | {number for number, _ in texts[i : i + size]}
    step = best_step([values for _, values in rows], names, exact=True)
    rule: dict[str, Any] = {"table": header, **({} if step is None else {"step": step})}
    return Finding([rule], f"a table of {len(rows)} rows", taken, rows[0][0] if step else 0) if len(rows) > 1 else None
