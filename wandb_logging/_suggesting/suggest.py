"""Make rules from a log: from lines that recur and count, numbers with names, and columns."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Sequence

from wandb_logging._mining import lines
from wandb_logging._mining.rules import valid
from wandb_logging._suggesting import structures
from wandb_logging._suggesting.code_lines import may_hold_metrics
from wandb_logging._suggesting.findings import Finding
from wandb_logging._suggesting.headed import headed
from wandb_logging._suggesting.labels import apart_below, put_labels, under_headings
from wandb_logging._suggesting.left_out import left_out
from wandb_logging._suggesting.ranks import by_rank
from wandb_logging._suggesting.sections import under_parts, under_recurring
from wandb_logging._suggesting.shapes import shape
from wandb_logging._suggesting.titles import under_titles
from wandb_logging._suggesting.wanted import find_groups
from wandb_logging._suggesting.writing import Suggestion


def suggest(text: str) -> list[Suggestion]:
    """Rules for a log, the most specific first; an empty list if nothing in the log looks like metrics."""
    texts = lines.of_log(text)
    findings = _structures(texts)
    taken = set().union(*(finding.lines for finding in findings)) if findings else set()
    taken |= left_out(texts)
    decimal = _decimal(texts)
    rest = [shape(number, shown, decimal) for number, shown in texts if number not in taken and may_hold_metrics(shown)]
    groups = find_groups(rest, findings, headed(texts))
    put_labels(groups, rest)
    under_headings(groups, texts)
    headings = under_recurring(groups, texts)
    parts = under_parts(groups, texts)
    parts += under_titles(groups, findings, texts)
    groups += apart_below(groups, texts)
    found = [Suggestion(rule, finding.comment) for finding in findings for rule in finding.rules]
    ruled = [rules for group in groups if (rules := by_rank(group, decimal))]
    ruled.sort(key=lambda several: _least_special(several[0]))
    return _distinct([*parts, *found, *itertools.chain.from_iterable(ruled), *headings])


def _decimal(texts: Sequence[tuple[int, str]]) -> str:
    """The decimal separator in a log: a comma if decimal commas are common and no point occurs, else a point."""
    commas = sum(bool(_COMMAS.search(shown)) for _, shown in texts)
    return "," if commas > 1 and not any(_POINTS.search(shown) for _, shown in texts) else "."


_COMMAS = re.compile(r"[^\d\s,][:=]?\s+[-+]?\d+,(?:\d\d?|\d{4,})(?![\d,])")
_POINTS = re.compile(r"(?<![\d.])\d+\.\d+(?!\d|\.\d|,\d)")  # but 29.11.2026, and 1.234,5


def _least_special(one: Suggestion) -> tuple[int, int]:
    """A key that sorts rules so that those which fit fewer lines come first."""
    return -len(str(one.rule.get("line", ""))), -len(str(one.rule.get("has", "")))


def _distinct(suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    kept: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        kept.setdefault(repr(suggestion.rule), suggestion)
    return [one for one in kept.values() if valid(one.rule)]


def _structures(texts: Sequence[tuple[int, str]]) -> list[Finding]:
    found: list[Finding] = []
    for look in structures.ALL:
        taken = set().union(*(finding.lines for finding in found)) if found else set()
        more = look([text for text in texts if text[0] not in taken])
        found += [] if more is None else more if isinstance(more, list) else [more]
    return found
