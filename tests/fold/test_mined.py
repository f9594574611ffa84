"""Metrics out of text, in the fold: rows with their steps, however the journal is cut."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from wandb_logging._fold.fold import Rules, State, finish, fold

RULES = (
    {"line": "iter {step}: loss {loss}"},
    {"line": "val {val}"},
    {"line": "Time = {Time}", "step": "Time"},
    {"line": "residual {residual}"},
    {"line": "never {x}"},
)


def event(**members: Any) -> bytes:
    return json.dumps({"t": 1000.0, **members}).encode()


def rows(events: list[bytes], rules: Any = RULES, cuts: tuple[int, ...] = ()) -> list[dict[str, Any]]:
    state = State()
    made: list[str] = []
    for begin, end in zip((0, *cuts), (*cuts, len(events))):
        state, delta = fold(Rules(start=1000.0, text_rules=rules), state, events[begin:end])
        state = State(**json.loads(json.dumps(vars(state))))  # as it is kept in cursor.json
        made += delta.rows
    state, delta = finish(Rules(start=1000.0, text_rules=rules), state)
    return [json.loads(row) for row in [*made, *delta.rows]]


def metrics(found: list[dict[str, Any]]) -> list[tuple[int, dict[str, Any]]]:
    return [(row["_step"], {name: value for name, value in row.items() if name[0] != "_"}) for row in found]


TEXTS = [
    event(text="iter 3: loss 0.5", level="INFO", logger="x"),
    event(text="val 0.9", level="INFO"),
    event(output="iter 4: lo"),
    event(output="ss 0.4\r\niter 5: loss 0.3\rit"),
    event(output="er 6: loss 0.2"),
    event(exit=0),
]


def test_a_step_that_is_called_otherwise_is_told() -> None:
    """At the end of the run: its rows count by themselves, which nobody may have wanted."""
    rules = Rules(start=1000.0, text_rules=({"json": True, "step": "it"},))
    _, delta = fold(rules, State(), [event(text='{"loss": 1, "iter": 2}'), event(exit=0)])
    assert delta.told == ["text_metrics: rule 0 (json: True) never found its step, 'it'"]


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([("a", 1), ("b", 1), ("a", 2), ("b", 2)], "'loss' at step 1 is in a and again in b: one curve of both"),
        ([("a", 1), ("a", 2), ("b", 3), ("a", 3)], "'loss' at step 3 is in b and again in a: one curve of both"),
        ([("a", 1), ("a", 2), ("b", 3), ("b", 4)], None),  # a log in two parts
        ([("a", 1), ("a", 1), (None, 1)], None),
    ],
)
@pytest.mark.parametrize("cut", [1, 2, 3])
def test_two_files_with_the_same_steps_are_told(
    files: list[tuple[str | None, int]], told: str | None, cut: int
) -> None:
    """Once, where it happens: nobody sees in a curve that it is of two programs."""
    events = [event(output=f"iter {step}: loss 0.5\n", **({"from": name} if name else {})) for name, step in files]
    state, said = State(), []
    rules = Rules(start=1000.0, text_rules=RULES[:1])
    for some in (events[:cut], events[cut:]):
        state, delta = fold(rules, State(**json.loads(json.dumps(vars(state)))), some)
        said += delta.told
    assert [text.partition(". ")[0] for text in said] == ([f"text_metrics: {told}"] if told else [])


@pytest.mark.parametrize(("times", "told"), [(2, 0), (9, 1)])
def test_rows_that_replace_one_another_are_told(times: int, told: int) -> None:
    """A rule whose lines name no step has its rows at the steps of others: of many of them only the last is there."""
    rules = Rules(start=1000.0, text_rules=RULES[:2])
    events = [event(text=f"iter {step}: loss 0.5\n" + "val 0.9\n" * times) for step in range(3)]
    _, delta = fold(rules, State(), [*events, event(exit=0)])
    assert len(delta.rows) == 3
    said = f"gave {3 * times} rows at 3 steps of others: each step has the last"
    assert delta.told == [f"text_metrics: rule 1 (line: val {{val}}) has no step of its own, and {said}"][:told]


def test_text_of_records_and_of_the_terminal() -> None:
    """Rows of one step are one; each stream has steps of its own; the last line needs no end."""
    assert metrics(rows(TEXTS)) == [
        (3, {"loss": 0.5, "val": 0.9}),
        (4, {"loss": 0.4}),
        (5, {"loss": 0.3}),
        (6, {"loss": 0.2}),
    ]


@settings(deadline=None)
@given(st.lists(st.integers(0, len(TEXTS)), max_size=4))
def test_the_rows_are_the_same_however_the_journal_is_cut(cuts: list[int]) -> None:
    """So that a batch can be sent again."""
    assert rows(TEXTS, cuts=tuple(sorted(cuts))) == rows(TEXTS)


def test_without_rules_nothing_is_mined() -> None:
    """Text alone makes no row."""
    assert rows(TEXTS, rules=()) == []


def test_what_the_program_logs_is_not_overridden() -> None:
    """Neither within a row nor later: its values are exact."""
    found = rows([
        event(metrics={"loss": 0.123456}, step=3),
        event(text="iter 3: loss 0.12", level="INFO"),
        event(text="iter 4: loss 0.11", level="INFO"),
        event(text="val 0.5", level="INFO"),
    ])  # fmt: skip
    assert metrics(found)[0] == (3, {"loss": 0.123456})
    assert all("loss" not in row for _, row in metrics(found)[1:])


@pytest.mark.parametrize("label", [None, "", "3"])
@pytest.mark.parametrize("step", [{}, {"step": 3}])
def test_what_the_program_logs_later_is_its_own_from_then_on(label: str | None, step: dict[str, int]) -> None:
    """Also where the text was first: neither the row of that step nor the summary gets the value of the text."""
    of = {} if label is None else {"label": label}
    name = "loss/l:3" if label else "loss"
    events = [
        event(text="iter 1: loss 0.5", level="INFO", **of),
        event(text="iter 2: loss 0.4", level="INFO", **of),
        event(metrics={"loss": 0.123456}, **step, **of),
        event(text="iter 3: loss 0.12", level="INFO", **of),
        event(text="iter 4: loss 0.11", level="INFO", **of),
    ]
    found = [row[name] for row in rows(events) if name in row]
    joined = label is None and not step  # a row without a step is one with that of step 2
    assert found == ([0.5, 0.123456] if joined else [0.5, 0.4, 0.123456])
    assert [row[name] for row in rows(events, cuts=(2, 3, 4)) if name in row] == found
    state, _ = fold(Rules(start=1000.0, text_rules=RULES), State(), events)
    state, _ = finish(Rules(start=1000.0, text_rules=RULES), state)
    assert state.summary[name] == 0.123456


def test_a_record_with_metrics_is_not_mined() -> None:
    """It has said what there is."""
    assert metrics(rows([event(metrics={"x": 1}, text="val 0.5", level="INFO")])) == [(0, {"x": 1})]


def test_a_step_that_is_no_whole_number_is_a_metric() -> None:
    """A simulation's time is an x axis, also where it happens to be whole."""
    texts = ["Time = 0.5", "residual 3", "Time = 1", "residual 2"]
    found = metrics(rows([event(text=text, level="INFO") for text in texts]))
    assert found == [(0, {"residual": 3, "Time": 0.5}), (1, {"residual": 2, "Time": 1})]


def test_a_rule_that_found_nothing_is_told_at_the_end() -> None:
    """In the run's text, once."""
    _, delta = fold(Rules(start=1000.0, text_rules=RULES), State(), TEXTS)
    told = [line for line in delta.lines if "found nothing in this run" in line]
    assert [line.split("text_metrics: ")[1] for line in told] == [
        "rule 2 (line: Time = {Time}) found nothing in this run",
        "rule 3 (line: residual {residual}) found nothing in this run",
        "rule 4 (line: never {x}) found nothing in this run",
    ]
