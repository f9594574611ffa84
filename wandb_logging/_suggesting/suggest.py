"""Make rules from a log: from lines that recur and count, numbers with names, and columns."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence

from wandb_logging._mining import lines
from wandb_logging._mining.rule_keys import MAX_RULES
from wandb_logging._mining.rules import valid
from wandb_logging._mining.ruleset import RuleSet
from wandb_logging._suggesting.code_lines import may_hold_metrics
from wandb_logging._suggesting.decimals import with_commas
from wandb_logging._suggesting.headed import headed
from wandb_logging._suggesting.labels import apart_below, put_labels, under_headings
from wandb_logging._suggesting.left_out import left_out
from wandb_logging._suggesting.ranks import by_rank
from wandb_logging._suggesting.sections import under_parts, under_recurring
from wandb_logging._suggesting.shapes import shape
from wandb_logging._suggesting.structures import find_structures
from wandb_logging._suggesting.titles import under_titles
from wandb_logging._suggesting.wanted import find_groups
from wandb_logging._suggesting.writing import Suggestion


def suggest(text: str) -> list[Suggestion]:
    """Rules for a log, the most specific first; an empty list if nothing in the log looks like metrics."""
    texts = lines.of_log(text)
    findings = find_structures(texts)
    taken = set().union(*(finding.lines for finding in findings)) if findings else set()
    taken |= left_out(texts)
    commas = with_commas(texts)
    rest = [
        shape(number, shown, "," if number in commas else ".")
        for number, shown in texts
        if number not in taken and may_hold_metrics(shown)
    ]
    groups = find_groups(rest, findings, headed(texts))
    put_labels(groups, rest)
    under_headings(groups, texts)
    headings = under_recurring(groups, texts)
    parts = under_parts(groups, texts)
    parts += under_titles(groups, findings, texts)
    groups += apart_below(groups, texts)
    found = [Suggestion(rule, finding.comment) for finding in findings for rule in finding.rules]
    ruled = [rules for group in groups if (rules := by_rank(group))]
    ruled.sort(key=lambda several: _least_special(several[0]))
    return _that_find(_distinct([*parts, *found, *itertools.chain.from_iterable(ruled), *headings]), texts)


def _least_special(one: Suggestion) -> tuple[int, int]:
    """A key that sorts rules so that those which fit fewer lines come first."""
    return -len(str(one.rule.get("line", ""))), -len(str(one.rule.get("has", "")))


def _distinct(suggestions: Iterable[Suggestion]) -> list[Suggestion]:
    kept: dict[str, Suggestion] = {}
    for suggestion in suggestions:
        kept.setdefault(repr(suggestion.rule), suggestion)
    return [one for one in kept.values() if valid(one.rule)]


def _that_find(suggestions: Sequence[Suggestion], texts: Sequence[tuple[int, str]]) -> list[Suggestion]:
    """At most `MAX_RULES` rules, without those that would find nothing because rules before them take their lines."""
    suggestions = suggestions[:MAX_RULES]
    used = RuleSet([one.rule for one in suggestions])
    for number, shown in texts:
        used.feed(shown, number=number)
    used.finish()
    unused = {rule.number for rule in used.unused}
    return [one for i, one in enumerate(suggestions) if i not in unused]
