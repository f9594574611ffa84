"""Rules that take long again and again, told by a clock that the test turns."""

from __future__ import annotations

import itertools

from wandb_logging._mining import slowness
from wandb_logging._mining.cells import PROGRESS
from wandb_logging._mining.ruleset import RuleSet, mine

RULES = [{"regex": r"loss=(?P<loss>\S+)", "has": "loss="}, {"line": "acc {acc}"}]
LINES = "".join(f"loss={i}\nacc {i}\n" for i in range(50))


def test_a_slow_expression_is_left_out() -> None:
    """After so many lines; the other rules go on, and forms that pass over a line once are not timed."""
    rules = RuleSet(RULES, clock=itertools.count().__next__)  # each look at it is a second later
    found = list(mine(LINES, rules))
    assert [row.metrics["loss"] for row in found if row.rule == 0] == list(range(slowness.AGAIN))
    assert [row.metrics["acc"] for row in found if row.rule == 1] == list(range(50))
    assert rules.left_out == [0]


def test_a_quick_one_stays() -> None:
    """However many lines there are."""
    rules = RuleSet(RULES, clock=lambda: 1.0)
    assert len(list(mine(LINES, rules))) == 100
    assert rules.left_out == rules.too_slow == []


def test_the_count_goes_on_where_it_was_kept() -> None:
    """It is part of what is remembered between pieces of a journal, once there is one."""
    clock = itertools.count().__next__
    first = RuleSet(RULES, clock=lambda: 1.0)
    first.feed("loss=1")
    assert "slow" not in first.saved
    saved = first.saved
    for _ in range(slowness.AGAIN):
        one = RuleSet(RULES, saved, clock=clock)
        one.feed("loss=1")
        saved = one.saved
    assert one.too_slow == [0]


def test_a_rule_that_is_off_is_not_tried() -> None:
    """And is none that found nothing."""
    rules = RuleSet(slowness.without(RULES, {0}))
    assert [row.rule for row in mine(LINES, rules)] == [1] * 50
    assert rules.unused == []


def test_blanks_are_passed_over_once() -> None:
    """Half a million of them, which would take hours if each began anew."""
    assert PROGRESS.sub("", f"loss 0.5{' ' * 500_000}done: 5%| 1/20") == f"loss 0.5{' ' * 500_000}done"
