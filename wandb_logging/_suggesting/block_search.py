"""Finds boxes of names and values, and blocks of indented ones below a line that comes again."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from wandb_logging._mining.blocks import Box
from wandb_logging._mining.cells import cell
from wandb_logging._mining.template import Found, escaped
from wandb_logging._mining.vocabulary import is_id
from wandb_logging._suggesting.findings import Finding, Text, best_step


def boxes(texts: Sequence[Text]) -> list[Finding]:
    """Find boxes of names and values."""
    form, state, taken, rows = Box(), {}, set(), []  # type: ignore[var-annotated]
    open_lines: list[int] = []
    for number, text in texts:
        found = form.find(text, state)
        open_lines = [] if found is None else [*open_lines, number]
        if found and len(found) > 1:
            rows.append((number, found))
            taken.update(open_lines)
    if len(rows) < 2 and not (rows and len(rows[0][1]) > 3):
        return []
    names = {name: None for _, row in rows for name in row}
    step = best_step([row for _, row in rows], names)
    rule: dict[str, Any] = {"box": True}
    if step is not None:
        rule["step"] = step
    return [Finding([rule], f"{len(rows)} boxes of {len(names)} values", taken, rows[0][0])]


def blocks(texts: Sequence[Text]) -> list[Finding]:
    """Find blocks that recur: a line with indented `name: value` lines below it."""
    starts: dict[str, list[int]] = defaultdict(list)
    for i, (_, text) in enumerate(texts):
        if text.strip() and not text[0].isspace() and text.rstrip().endswith(":"):
            below = [below for _, below in texts[i + 1 : i + 6] if _BLOCK_ENTRY.match(below)]
            if len(below) > 4:
                starts[text.split(":")[0].split()[0]].append(i)
    for word, places in starts.items():
        if len(places) > 1:
            return [_block(word, places, texts)]
    return []


_BLOCK_ENTRY = re.compile(r"\s+[\w./@ -]{1,60}:(?: \S.*)?\Z")


def _block(word: str, places: list[int], texts: Sequence[Text]) -> Finding:
    first = texts[places[0]][1]
    head = _common([texts[i][1] for i in places]) or word
    lines: set[int] = set()
    rows: list[Found] = []
    for i in places:
        row: Found = {}
        for number, text in texts[i:]:
            if number != texts[i][0] and not _BLOCK_ENTRY.match(text):
                break
            lines.add(number)
            name, _, value = text.strip().partition(": ")
            number_of = cell(value)
            if number_of is not None:
                row[name] = number_of
        rows.append(row)
    names = list(dict.fromkeys(name for row in rows for name in row))
    step = best_step(rows, names)
    rule: dict[str, Any] = {"block": f"{head.rstrip()}" if head.strip() != first.strip() else first.strip()}
    if step is not None:
        rule["step"] = step
    ids = [name for name in names if is_id(name) and name != step]
    if ids:
        rule["drop"] = ids
    return Finding([rule], f"{len(places)} blocks of {len(names)} values", lines, texts[places[0]][0])


def _common(texts: list[str]) -> str:
    """The whole words with which all these lines begin, as a template."""
    words = []
    for parts in zip(*(text.split() for text in texts)):
        if len(set(parts)) > 1:
            break
        words.append(parts[0])
    return escaped(" ".join(words))
