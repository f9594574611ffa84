"""Reads a page of a run's text lines from the nearest mark, chosen by level and by words."""

from __future__ import annotations

import time
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from wandb_logging._fold.told import Text
from wandb_logging._page.exact import Exact, again
from wandb_logging._page.runs import Run
from wandb_logging._values.json_lines import holds, readable

_LEVELS = {"DEBUG": 10, "INFO": 20, "stdout": 20, "WARNING": 30, "WARN": 30, "stderr": 30, "ERROR": 40, "CRITICAL": 50}
_SECONDS = 1.0
MOST = 2000
_CHARS = 20_000


def page(run: Run, exact: Exact, first: int, most: int, *, level: int = 0, words: str = "") -> dict[str, Any]:
    """Lines of a run.

    Args:
        first: number of the first line; a negative number counts from the end.
        most: most lines.
        level: a level of `logging`; lines below it are left out.
        words: lines without these words are left out, whatever the case. `user=bo fold=3` means fields of JSON lines.
    """
    total = exact.state.lines
    first = max(0, total + first) if first < 0 else first
    until = time.monotonic() + _SECONDS
    lines: list[dict[str, Any]] = []
    following = first
    for texts in _texts(run, exact, first):
        for number in sorted(texts):
            text = texts[number]
            if number >= first and level_of(text) >= level and holds(text.text, words):
                shown_as = "\n".join(readable(text.text, named=False))
                lines.append({"number": number, **asdict(text), "text": shown_as[:_CHARS]})
            following = max(following, number + 1)
        if len(lines) >= most or time.monotonic() > until:
            break
    latest = {line["number"]: line for line in lines}  # of a line that was overwritten the latest form counts
    shown = [latest[number] for number in sorted(latest)][:most]
    if len(latest) > most:
        following = shown[-1]["number"] + 1
    return {"lines": shown, "next": following, "total": total}


def level_of(text: Text) -> int:
    """The level of a line as a number. A line that counts as an error has the level of an error."""
    return max(_LEVELS.get(text.level, 20), 40 if text.error and text.level not in {"stderr", "CRITICAL"} else 0)


def _texts(run: Run, exact: Exact, first: int) -> Iterator[dict[int, Text]]:
    if exact.marks:
        place = bisect_right([mark.line for mark in exact.marks], first) - 1
        for told in again(run.run_dir, exact, max(0, place)):
            yield told.texts
