"""Logs in the forms of many more programs, some of them real: what is suggested without a rule finds their rows.

The rows were told by hand, with patterns of their own. In files called none-..., there is nothing to find.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from tests.mining import scoring
from wandb_logging._mining.ruleset import RuleSet, mine
from wandb_logging._suggesting.suggest import suggest

NAMES = scoring.names(scoring.FORMS)
NONE = [name for name in NAMES if name.startswith("none-")]


def rows(name: str) -> list[dict[str, Any]]:
    text = scoring.text(name, scoring.FORMS)
    rules = RuleSet([one.rule for one in suggest(text)])
    found = [{"line": row.line, "step": row.step, "metrics": row.metrics} for row in mine(text, rules)]
    assert rules.unused == []  # of a rule that finds nothing in its own log `mine` and `run` would complain
    return found


@pytest.mark.slow
def test_the_rows_are_found() -> None:
    """93 % of them, none under a name that another curve has, and at most 2 % that nobody wants."""
    counts: Counter[str] = Counter()
    for name in (name for name in NAMES if name not in NONE):  # of which the other test says that there are no rows
        counts.update(scoring.score(scoring.expected(name, scoring.FORMS), rows(name)))
    assert counts["wanted"] > 12_000
    assert counts["right"] >= 0.93 * counts["wanted"]
    assert counts["merged"] == 0
    assert counts["false"] <= 0.02 * counts["wanted"]


@pytest.mark.parametrize("name", NONE)
def test_nothing_is_found_where_there_is_nothing(name: str) -> None:
    """Licences, tracebacks, requests, builds, packages, journals, listings, commits, tests, settings, models, lists."""
    assert rows(name) == []
