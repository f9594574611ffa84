"""Rows and text as values: they are the fold's own, however the journal is cut into pieces."""

from __future__ import annotations

import json
import math
from typing import Any

from hypothesis import example, given, strategies as st

from wandb_logging._fold import fold, told
from wandb_logging._values.plain import loads

START = 1000.0
RULES = fold.Rules(start=START)
NAMES = st.sampled_from(["a", "b", "c/d", "e", "_step", "_timestamp"])
VALUES = st.one_of(
    st.integers(-5, 5),
    st.floats(-1e6, 1e6),
    st.just(math.nan),
    st.booleans(),
    st.dictionaries(st.sampled_from("xy"), st.integers(0, 3)),
)
EVENTS = st.one_of(
    st.fixed_dictionaries(
        {"metrics": st.dictionaries(NAMES, VALUES, max_size=4)},
        optional={"step": st.integers(0, 9), "commit": st.booleans()},
    ),
    st.fixed_dictionaries(
        {"metrics": st.dictionaries(NAMES, VALUES, max_size=3), "text": st.text(max_size=9), "level": st.just("INFO")}
    ),
    st.fixed_dictionaries(
        {"text": st.text("ab\n\r", max_size=9), "level": st.sampled_from(["INFO", "ERROR"]), "logger": st.just("x")}
    ),
    st.fixed_dictionaries({"output": st.text("ab\n\r", max_size=12)}, optional={"error": st.booleans()}),
    st.fixed_dictionaries({"system": st.dictionaries(st.just("cpu"), st.floats(0, 100))}),
    st.fixed_dictionaries({"config": st.dictionaries(NAMES, st.integers())}),
    st.fixed_dictionaries({"define": st.fixed_dictionaries({"name": st.just("a"), "step_metric": st.just("e")})}),
    st.fixed_dictionaries({"resume": st.sampled_from([True])}),
    st.fixed_dictionaries({"exit": st.integers(0, 1)}),
)


def bodies_of(events: list[dict[str, Any]]) -> list[bytes]:
    return [json.dumps({**event, "t": START + at}).encode() for at, event in enumerate(events)]


def same(left: Any, right: Any) -> bool:
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


MINED = st.builds(
    lambda text, step, value: {"text": text.format(step, value), "level": "INFO"},
    st.sampled_from(["step {} a={} b=1", "Result for {}:\n  e: {}", "  f: {}.{}"]),
    st.integers(0, 9),
    st.integers(0, 3),
)
MINING = fold.Rules(START, text_rules=({"line": "step {step} a={a} b={b}"}, {"block": "Result for {*}:"}))


@example([{"metrics": {"e": {}}}, {"text": "Result for 2:\n  e: 3", "level": "INFO"}], 0, MINING)
@example([{"metrics": {"a": 0}}, {"text": "Result for 0:\n  e: 0", "level": "INFO"}, {"exit": 0}], 0, MINING)
@given(st.lists(EVENTS | MINED, max_size=25), st.integers(0, 25), st.sampled_from([RULES, MINING]))
def test_rows_are_those_of_the_fold(events: list[dict[str, Any]], cut: int, rules: fold.Rules) -> None:
    """Whatever is logged, the rows are the values of the fold's lines, in one piece or in two."""
    bodies = bodies_of(events)
    state, expected = fold.fold(rules, fold.State(), bodies)
    rest = fold.finish(rules, state)[1]
    first, one = told.tell(rules, fold.State(), bodies[:cut])
    second, two = told.tell(rules, told.mark(first), bodies[cut:])
    three = told.finish(rules, second)
    assert same([*one.rows, *two.rows, *three.rows], [loads(line) for line in [*expected.rows, *rest.rows]])
    assert [second.step, second.rows, second.lines, second.exit] == [state.step, state.rows, state.lines, state.exit]


TIMES = st.sampled_from([START, START + 1, START + 0.25, 0.0, 5, 253_402_300_800.0, None])


@given(st.lists(st.dictionaries(NAMES | st.just(""), VALUES, max_size=3), max_size=6), st.data())
def test_rows_that_stand_alone_are_those_of_the_fold(rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """A program that logs nothing but rows is read as columns: they are the fold's, also where one event is strange."""
    events: list[Any] = [{"metrics": row, "t": START + 1 + at} for at, row in enumerate(rows)]
    at = data.draw(st.integers(0, len(events)))
    strange = [{"metrics": {"a": 1}, "t": data.draw(TIMES)}, {"metrics": {"a": 2}}, {"metrics": 7, "t": 1e3}, ["t"], 5]
    events[at:at] = [data.draw(st.sampled_from(strange))] if data.draw(st.booleans()) else []
    bodies = [json.dumps(event).encode() for event in events]
    state, expected = fold.fold(RULES, fold.State(), bodies)
    state_of_values, values = told.tell(RULES, fold.State(), bodies)
    rest, last = fold.finish(RULES, state)[1], told.finish(RULES, state_of_values)
    assert same([*values.rows, *last.rows], [loads(line) for line in [*expected.rows, *rest.rows]])
    assert [state_of_values.step, state_of_values.runtime] == [state.step, state.runtime]


@given(st.lists(EVENTS, max_size=25))
def test_text_is_that_of_the_fold(events: list[dict[str, Any]]) -> None:
    """Each line of output.log is there with its text, and an error's counts as one."""
    state, expected = fold.fold(RULES, fold.State(), bodies_of(events))
    texts = told.tell(RULES, fold.State(), bodies_of(events))[1].texts
    assert sorted(texts) == list(range(state.lines))
    for number, line in enumerate(expected.lines):
        assert line.endswith(texts[number].text)
        assert line.startswith("ERROR ") == texts[number].error


def test_a_line_knows_its_step() -> None:
    """A line of text is of the row that was under construction."""
    bodies = bodies_of([{"metrics": {"a": 1}}, {"metrics": {"a": 2}}, {"text": "here", "level": "INFO"}])
    assert [text.step for text in told.tell(RULES, fold.State(), bodies)[1].texts.values()] == [2]


def test_a_mark_is_enough_to_go_on() -> None:
    """From a state without what only grows the same rows come."""
    bodies = bodies_of([{"metrics": {"a": at}, "step": at} for at in range(6)])
    state, _ = told.tell(RULES, fold.State(), bodies[:3])
    whole, marked = (told.tell(RULES, kept, bodies[3:])[1].rows for kept in (state, told.mark(state)))
    assert whole == marked != []


def test_rules_remember_what_came_in_another_piece() -> None:
    """A table's header comes once, and its rows are found however late they are read."""
    rules = fold.Rules(start=START, text_rules=({"table": "Step", "step": "Step", "ends": "Loop time"},))
    lines = ["Step Temp", "10 1.5", "20 2.5", "Loop time of 3 s", "30 3.5"]
    state, found = fold.State(), []
    for body in bodies_of([{"text": line, "level": "INFO"} for line in lines]):
        state, one = told.tell(rules, state, [body])
        found += one.rows
    found += told.finish(rules, state).rows
    assert [(row["_step"], row["Temp"]) for row in found] == [(10, 1.5), (20, 2.5)]
