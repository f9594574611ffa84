"""Rules, written and suggested, on logs of real programs: the totals that the documentation states."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.mining import scoring
from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest
from wandb_logging._suggesting.writing import Suggestion

RULES: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "rules.yaml").read_text(encoding="utf-8"))


def rows(name: str, rules: Sequence[Any]) -> list[dict[str, Any]]:
    found = mine(scoring.text(name), RuleSet(rules))
    return [{"line": row.line, "step": row.step, "metrics": row.metrics} for row in found]


@cache
def suggested(name: str) -> Sequence[Suggestion]:
    return suggest(scoring.text(name))


def total(each: dict[str, Sequence[Any]]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for name, rules in each.items():
        counts.update(scoring.score(scoring.expected(name), rows(name, rules)))
    return counts


def test_at_most_three_rules_are_written_for_a_log() -> None:
    """What a person writes for a log is short."""
    assert max(map(len, RULES.values())) == 3
    assert set(RULES) <= set(scoring.names())


@pytest.mark.not_quick
def test_written_rules_find_the_rows() -> None:
    """With the rules in rules.yaml: 99 % of the rows, none under a name that another curve has."""
    counts = total({name: RULES.get(name, ()) for name in scoring.names()})
    assert counts["wanted"] == 997
    assert counts["right"] >= 0.99 * counts["wanted"]
    assert counts["merged"] == 0
    assert counts["false"] <= 0.005 * counts["wanted"]


@pytest.mark.slow
def test_suggested_rules_find_the_rows() -> None:
    """Without a rule: 97 % of the rows, and at most 0.5 % that nobody wants."""
    counts = total({name: [one.rule for one in suggested(name)] for name in scoring.names()})
    assert counts["right"] >= 0.97 * counts["wanted"]
    assert counts["merged"] <= 2
    assert counts["false"] <= 0.005 * counts["wanted"]


@pytest.mark.parametrize("name", ["90-urllib3-debug", "92-config-dumps", "93-app-prose"])
def test_text_that_is_no_metric_gives_no_row(name: str) -> None:
    """Tracebacks, configuration dumps and prose full of numbers are not taken for metrics."""
    found = rows(name, [one.rule for one in suggested(name)])
    assert scoring.score(scoring.expected(name), found)["false"] == 0


@pytest.mark.slow
def test_suggestions_are_rules() -> None:
    """What is suggested can be written into the settings as it is: it is checked as such, and short enough to read."""
    for name in scoring.names():
        for one in suggested(name):
            RuleSet([one.rule])
            assert one.comment
