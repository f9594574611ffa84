"""Folding: the step rules against a model written from the protocol, and what must hold however a journal is cut."""

from __future__ import annotations

import copy
import json
import math
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging._events.run_info import RunInfo
from wandb_logging._fold import fold as _fold
from wandb_logging._fold.fold import Rules, State, finish, first_state, fold, summary_line
from wandb_logging._fold.state import MAX_TEXT
from wandb_logging._fold.summary import MAX_ROW_BYTES
from wandb_logging._fold.text import text_lines
from wandb_logging._values import plain as _values
from wandb_logging._values.plain import dumps, loads

START = 1_700_000_000.0
RULES = Rules(start=START)
OWN = ("_step", "_timestamp", "_runtime")


def event(t: float = START, **members: Any) -> bytes:
    return dumps({**members, "t": t})


def row(metrics: dict[str, Any], step: int | None = None, commit: bool | None = None, t: float = START) -> bytes:
    members = {"metrics": metrics, "step": step, "commit": commit}
    return event(t, **{key: value for key, value in members.items() if value is not None})


def folded(*bodies: bytes, rules: Rules = RULES, state: State | None = None) -> tuple[State, _fold.Delta]:
    """State and delta after these events and the end."""
    state, delta = fold(rules, state or State(), bodies)
    state, last = finish(rules, state)
    delta.rows += last.rows
    return state, delta


def rows_of(*bodies: bytes, rules: Rules = RULES) -> list[dict[str, Any]]:
    return [loads(line) for line in folded(*bodies, rules=rules)[1].rows]


def metrics_of(*bodies: bytes, rules: Rules = RULES) -> list[tuple[int, dict[str, Any]]]:
    """(step, metrics) of each row, without what every row has."""
    rows = rows_of(*bodies, rules=rules)
    return [(row["_step"], {key: value for key, value in row.items() if key not in OWN}) for row in rows]


def summary_of(*bodies: bytes) -> dict[str, Any]:
    summary: dict[str, Any] = loads(summary_line(folded(*bodies)[0]))
    return {key: value for key, value in summary.items() if key not in {*OWN, "_wandb"}}


class Official:
    """The official client's row under construction, from protocol 5.2 word by word."""

    def __init__(self) -> None:
        self.rows: list[tuple[int, dict[str, Any]]] = []
        self.current = 0
        self.row: dict[str, Any] | None = None

    def flush(self) -> None:
        if self.row is not None:
            self.rows.append((self.current, self.row))
            self.row = None

    def log(self, data: dict[str, Any], step: int | None, commit: bool | None) -> None:
        if step is not None and step > self.current:
            self.flush()
            self.current = step
        if step is not None and step < self.current:
            return
        self.row = merged(self.row or {}, data)
        if commit if commit is not None else step is None:
            self.flush()
            self.current += 1


def merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    result = copy.deepcopy(old)
    for key, value in new.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else copy.deepcopy(value)
    return result


names = st.sampled_from(["a", "b", "val"])
values = st.integers(0, 9) | st.just(math.nan) | st.none() | st.dictionaries(names, st.integers(0, 9), min_size=1)
steps = st.none() | st.integers(-1, 12)
commits = st.none() | st.none() | st.booleans()
calls = st.lists(st.tuples(st.dictionaries(names, values, max_size=3), steps, commits), max_size=25)


def distinct(calls: list[Any]) -> list[tuple[dict[str, int], int | None, bool | None]]:
    """The same calls with another number for each value, so that each can be found again."""
    return [
        ({name: 100 * (i + 1) + j for j, name in enumerate(sorted(data))}, step, commit)
        for i, (data, step, commit) in enumerate(calls)
    ]


class TestSteps:
    @given(calls)
    def test_late_steps_dropped_it_is_the_official_client(self, calls: Any) -> None:
        """The rows are those of protocol 5.2."""
        model = Official()
        for call in calls:
            model.log(*call)
        model.flush()
        got = metrics_of(*(row(*call) for call in calls), rules=Rules(start=START, late_steps="drop"))
        assert json.dumps(got, sort_keys=True) == json.dumps(model.rows, sort_keys=True)

    @given(calls)
    def test_without_late_steps_shift_changes_nothing(self, calls: Any) -> None:
        """Shifting is only seen where the official client would have dropped something."""
        bodies = [row(*call) for call in calls]
        state, _ = folded(*bodies)
        if not state.late:
            drop = Rules(start=START, late_steps="drop")
            assert folded(*bodies)[1].rows == folded(*bodies, rules=drop)[1].rows

    @given(calls)
    def test_no_value_is_lost_by_shifting(self, calls: Any) -> None:
        """Each value is in one row, unless a later call meant the same row: the same step, or none."""
        calls = distinct(calls)
        rows = metrics_of(*(row(*call) for call in calls))
        found = [value for _, metrics in rows for key, value in metrics.items() if key != "step"]
        assert len(found) == len(set(found))
        for i, (data, step, _) in enumerate(calls):
            for name, value in data.items():
                meant_too = any(
                    name in later and (step is None or again is None or again == step)
                    for later, again, _ in calls[i + 1 :]
                )
                assert value in found or meant_too

    @given(calls)
    def test_a_row_tells_the_step_it_was_logged_with(self, calls: Any) -> None:
        """As its own, or, when that was past, as the metric `step`."""
        calls = distinct(calls)
        rows = metrics_of(*(row(*call) for call in calls))
        for data, step, _ in calls:
            for value in data.values():
                homes = [(at, metrics.get("step")) for at, metrics in rows if value in metrics.values()]
                assert step is None or all(step in home for home in homes)

    @given(calls, st.sampled_from(["shift", "drop", "error"]))
    def test_steps_rise(self, calls: Any, late_steps: Any) -> None:
        """No two rows have one step, whatever comes."""
        rules = Rules(start=START, late_steps=late_steps)
        rows = [at for at, _ in metrics_of(*(row(*call) for call in calls), rules=rules)]
        assert rows == sorted(set(rows))

    def test_a_row_of_the_next_step(self) -> None:
        assert metrics_of(row({"a": 1}), row({"a": 2})) == [(0, {"a": 1}), (1, {"a": 2})]

    def test_rows_of_one_explicit_step_merge(self) -> None:
        """Later values win, nested mappings merge."""
        bodies = [row({"a": 1, "v": {"x": 1}}, 5), row({"a": 2, "v": {"y": 2}}, 5), row({"a": 3}, 6)]
        assert metrics_of(*bodies) == [(5, {"a": 2, "v": {"x": 1, "y": 2}}), (6, {"a": 3})]

    def test_a_row_without_values_is_a_row(self) -> None:
        assert rows_of(row({})) == [{"_step": 0, "_timestamp": START, "_runtime": 0.0}]

    def test_a_late_row_beside_what_it_does_not_overwrite(self) -> None:
        """Two loggers with their own steps: the slower one's row goes with the row that is open."""
        bodies = [row({"loss": 1}, 100), row({"val": 1}, 3), row({"loss": 2}, 101)]
        assert metrics_of(*bodies) == [(100, {"loss": 1, "val": 1, "step": 3}), (101, {"loss": 2})]

    def test_a_late_row_that_would_overwrite_gets_a_row_of_its_own(self) -> None:
        bodies = [row({"loss": 1}, 5), row({"loss": 2}, 3), row({"loss": 3}, 9)]
        assert metrics_of(*bodies) == [(5, {"loss": 1}), (6, {"loss": 2, "step": 3}), (9, {"loss": 3})]

    def test_whose_step_a_late_row_took_becomes_late_itself(self) -> None:
        """It does not overwrite the late row, nor the next one it."""
        bodies = [row({"a": i}, step) for i, step in enumerate([5, 3, 6, 7])]
        assert metrics_of(*bodies) == [
            (5, {"a": 0}),
            (6, {"a": 1, "step": 3}),
            (7, {"a": 2, "step": 6}),
            (8, {"a": 3, "step": 7}),
        ]

    def test_a_metric_that_is_called_step_is_not_overwritten(self) -> None:
        assert metrics_of(row({"a": 1}, 5), row({"a": 2, "step": 7.5}, 3)) == [
            (5, {"a": 1}),
            (6, {"a": 2, "step": 7.5}),
        ]

    def test_the_metric_has_the_name_that_was_set(self) -> None:
        rules = Rules(start=START, late_step_metric="epoch")
        assert metrics_of(row({"a": 1}, 5), row({"b": 2}, 3), rules=rules) == [(5, {"a": 1, "b": 2, "epoch": 3})]

    @pytest.mark.parametrize("late_steps", ["error", "drop"])
    def test_not_shifted_it_is_set_aside(self, late_steps: Any) -> None:
        """With its content, and counted."""
        state, delta = folded(row({"a": 1}, 5), row({"a": 2}, 3), rules=Rules(start=START, late_steps=late_steps))
        assert (state.late, state.set_aside, state.told, len(delta.rows)) == (1, 1, 0, 1)
        ((reason, what),) = delta.aside
        assert reason == f"step 3 is lower than the current step 5 (late_steps: {late_steps})"
        assert what == {"metrics": {"a": 2}, "step": 3}


class TestRows:
    def test_time_and_runtime(self) -> None:
        """The time of the call; the time since the start, after what the run had run before it was resumed."""
        rules = Rules(start=START, base_runtime=100.0)
        (got,) = rows_of(row({"a": 1}, t=START + 1.2345678), rules=rules)
        assert (got["_timestamp"], got["_runtime"]) == (START + 1.2345678, 101.234568)

    def test_a_clock_that_went_back(self) -> None:
        (got,) = rows_of(row({"a": 1}, t=START - 50))
        assert got["_runtime"] == 0

    @pytest.mark.parametrize("name", ["_step", "_runtime", "_wandb", ""])
    def test_names_that_are_not_for_metrics(self, name: Any) -> None:
        """They are set aside by name, the rest goes."""
        state, delta = folded(row({name: 7, "a": 1}))
        assert loads(delta.rows[0]) == {"a": 1, "_step": 0, "_timestamp": START, "_runtime": 0.0}
        assert (state.set_aside, delta.aside[0][1]) == (1, {name: 7})

    def test_a_timestamp_is_kept_if_it_is_a_number(self) -> None:
        state, delta = folded(row({"_timestamp": 7}), row({"_timestamp": "noon"}), row({"_timestamp": math.nan}))
        assert [loads(line)["_timestamp"] for line in delta.rows] == [7, START, START]
        assert state.set_aside == 2

    def test_numbers_that_are_none_stay(self) -> None:
        assert b'"a":NaN' in folded(row({"a": math.nan}))[1].rows[0].encode()

    def test_a_row_over_the_servers_limit_loses_its_largest_values(self) -> None:
        """The rest of the row goes, in a line the server takes."""
        big, small = "x" * 6_000_000, {f"k{i}": i for i in range(1000)}
        state, delta = folded(row({"one": big, "two": big + "y", **small}))
        (line,) = delta.rows
        got = loads(line)
        assert len(line) <= MAX_ROW_BYTES
        assert (got["one"] == big, "two" in got, got["k999"], got["_step"]) == (True, False, 999, 0)
        assert (state.set_aside, len(delta.aside)) == (1, 1)
        assert "two" not in state.summary

    @pytest.mark.slow
    def test_a_row_of_very_many_values_is_shrunk_in_time(self) -> None:
        """Small values are not tried one by one, however many there are."""
        _, delta = folded(row({f"a name so long that not so many are needed, number {i}": i for i in range(180_000)}))
        assert MAX_ROW_BYTES - 100 < len(delta.rows[0]) <= MAX_ROW_BYTES


junk = st.sampled_from([b"", b"{", b"[]", b"1", b'{"t":"x"}', b'{"metrics":{"a":1},"t":null}', b'{"t":1e300}', b"\xff"])
changes = st.sampled_from(
    [
        event(config={"lr": 0.1}),
        event(config={"net": {"width": 3}}),
        event(summary={"a": 5, "val": {"a": 9}}),
        event(summary={"a": None}),
        event(define={"name": "a", "summary": ["min", "mean"]}),
        event(define={"name": "va*", "step_metric": "b", "step_sync": True, "summary": ["max", "last"]}),
        event(define={"name": "b", "hidden": True, "overwrite": True}),
        event(run={"name": "new", "tags": ["x"]}),
        event(file={"name": "f", "path": "files/f"}),
        event(aside={"x": "no value"}),
        event(exit=0),
        event(START + 2.5, text="a\nb", level="ERROR", logger="x"),
        event(text="c", level="INFO", metrics={"a": 3}),
    ]
)
times = st.floats(START - 5, START + 100)
journals = st.lists(
    st.builds(row, st.dictionaries(names, values, max_size=3), steps, commits, times) | changes | junk, max_size=25
)


class TestPieces:
    @given(journals, st.data(), st.booleans())
    def test_however_it_is_cut_it_comes_to_the_same(self, bodies: Any, data: Any, structured: Any) -> None:
        """The same lines at the same offsets, and the same end, also when the state went through cursor.json."""
        rules = Rules(start=START, structured=structured)
        whole, all_at_once = fold(rules, State(), bodies)
        state, in_pieces = State(), _fold.Delta()
        while bodies:
            size = data.draw(st.integers(1, len(bodies)))
            state, delta = fold(rules, State(**loads(dumps(vars(state)))), bodies[:size])
            bodies = bodies[size:]
            in_pieces.rows += delta.rows
            in_pieces.lines += delta.lines
            in_pieces.aside += delta.aside
            in_pieces.tasks += delta.tasks
        assert in_pieces.rows == all_at_once.rows
        assert in_pieces.lines == all_at_once.lines
        assert repr((in_pieces.aside, in_pieces.tasks)) == repr((all_at_once.aside, all_at_once.tasks))
        assert json.dumps(vars(state), sort_keys=True) == json.dumps(vars(whole), sort_keys=True)

    @given(journals, st.sampled_from(["without the short way", "without orjson"]))
    def test_the_short_way_of_plain_rows_leads_to_the_same(self, bodies: Any, other: str) -> None:
        """Rows that depend on nothing have a loop of their own; what it comes to is what the long way does."""
        state, delta = fold(RULES, State(), bodies)
        with pytest.MonkeyPatch.context() as patch:
            if other == "without orjson":
                for module in (_fold, _values):
                    patch.setattr(module, "fast_dumps", None)
                    patch.setattr(module, "fast_loads", None)
            else:
                patch.setattr(_fold.Folding, "_rows_stand_alone", False)
            long_state, long_delta = fold(RULES, State(), bodies)
        # Neither NaN nor the digits of a number are written the same by both writers: what is read is.
        assert repr([loads(line) for line in delta.rows]) == repr([loads(line) for line in long_delta.rows])
        if state.open is None:
            state.open_time = long_state.open_time = 0.0  # of no row
        assert repr((state, delta.lines, delta.tasks)) == repr((long_state, long_delta.lines, long_delta.tasks))
        assert [reason for reason, _ in delta.aside] == [reason for reason, _ in long_delta.aside]
        assert delta.summary_changed == long_delta.summary_changed

    @given(journals, journals)
    def test_neither_argument_is_changed(self, before: Any, after: Any) -> None:
        """A batch that is not acknowledged is folded again from the state it began with."""
        state, _ = fold(RULES, State(), before)
        kept = copy.deepcopy(state)
        fold(RULES, state, after)
        finish(RULES, state)
        assert repr(state) == repr(kept)

    @given(journals)
    def test_counts_are_the_offsets(self, bodies: Any) -> None:
        state, delta = fold(RULES, State(), bodies)
        assert (state.events, state.rows, state.lines) == (len(bodies), len(delta.rows), len(delta.lines))
        assert state.set_aside == len(delta.aside)

    @pytest.mark.parametrize("body", [b"", b"{", b"[]", b"1", b"\xff", b"[" * 10_000])
    def test_what_is_no_event_is_set_aside(self, body: Any) -> None:
        state, delta = folded(body, row({"a": 1}))
        assert (state.set_aside, len(delta.rows)) == (1, 1)

    @pytest.mark.parametrize("time", ["noon", None, math.nan, math.inf, 1e300, -1e300, [1], {}])
    def test_a_time_that_is_none_costs_only_itself(self, time: Any) -> None:
        """The row and the text go with the last time that was known."""
        state, delta = folded(event(START + 7, config={}), dumps({"metrics": {"a": 1}, "text": "x", "t": time}))
        assert loads(delta.rows[0])["_timestamp"] == START + 7
        assert len(delta.lines) == 1
        assert state.set_aside == 1


class TestSummary:
    """Expected values are what the official SDK 0.31.0 sent for the same calls."""

    def test_the_last_value_of_each_metric(self) -> None:
        bodies = [row({"a": {"b": 1}, "p": 3}), row({"a": {"c": 2}, "p": {"x": 1}}), row({"p": 4, "e": None})]
        assert summary_of(*bodies) == {"a": {"b": 1, "c": 2}, "p": 4}

    def test_aggregates(self) -> None:
        define = event(define={"name": "loss", "summary": ["min", "max", "mean", "first", "last"]})
        bodies = [define, *(row({"loss": value}) for value in (2, 4, 3))]
        assert summary_of(*bodies) == {"loss": {"min": 2, "max": 4, "mean": 3, "first": 2, "last": 3}}

    def test_none_leaves_it_out(self) -> None:
        bodies = [event(define={"name": "a", "summary": ["min", "none"]}), row({"a": 1, "b": 2})]
        assert summary_of(*bodies) == {"b": 2}

    def test_a_definition_without_aggregates_changes_nothing(self) -> None:
        assert summary_of(event(define={"name": "a"}), row({"a": 1})) == {"a": 1}

    def test_nested_and_literal_names(self) -> None:
        """A dot goes down; one that belongs to a key is written with a backslash."""
        bodies = [
            event(define={"name": "val.acc", "summary": ["max", "last"]}),
            event(define={"name": "t.*", "summary": ["mean"]}),
            event(define={"name": "lit\\.d", "summary": ["min"]}),
            row({"val": {"acc": 1}, "t": {"x": 1, "y": {"z": 1}}, "lit.d": 3}),
            row({"val": {"acc": 3}, "t": {"x": 2, "y": {"z": 4}}, "lit.d": 1}),
            row({"val": {"acc": 2}, "lit.d": 2}),
        ]
        assert summary_of(*bodies) == {
            "val": {"acc": {"max": 3, "last": 2}},
            "t": {"x": {"mean": 1.5}, "y": {"z": {"mean": 2.5}}},
            "lit.d": {"min": 1},
        }

    def test_a_mapping_in_place_of_a_number(self) -> None:
        bodies = [event(define={"name": "c", "summary": ["min"]}), row({"c": 2}), row({"c": {"x": 5}})]
        assert summary_of(*bodies) == {"c": {"x": 5}}

    def test_aggregates_of_what_is_no_number(self) -> None:
        """The first and the last can be anything, the others are of numbers only; NaN stays NaN."""
        everything = ["first", "last", "min", "max", "mean"]
        bodies = [
            event(define={"name": "*", "summary": everything}),
            row({"q": None, "k": True, "s": "a", "c": math.nan}),
            row({"q": 3, "k": 2, "s": "b", "c": 2}),
        ]
        got = summary_of(*bodies)
        assert got["q"] == {"first": None, "last": 3, "min": 3, "max": 3, "mean": 3}
        assert got["k"] == {"first": True, "last": 2, "min": 2, "max": 2, "mean": 2}
        assert got["s"] == {"first": "a", "last": "b"}
        assert repr(got["c"]) == repr(
            {"first": math.nan, "last": 2, "min": math.nan, "max": math.nan, "mean": math.nan}
        )

    def test_set_by_hand_it_is_plain_from_then_on(self) -> None:
        """The value replaces the aggregates, and later logs are plain last values."""
        define = event(define={"name": "loss", "summary": ["min"]})
        by_hand = [define, row({"loss": 1}), row({"loss": 3}), event(summary={"loss": 7})]
        assert summary_of(*by_hand) == {"loss": 7}
        assert summary_of(*by_hand, row({"loss": 5})) == {"loss": 5}

    def test_set_by_hand_before_it_is_logged(self) -> None:
        assert summary_of(event(define={"name": "x", "summary": ["max"]}), event(summary={"x": 3})) == {"x": 3}

    def test_set_by_hand_drops_the_aggregates_below(self) -> None:
        define = event(define={"name": "v.a", "summary": ["min"]})
        assert summary_of(define, row({"v": {"a": 1}}), event(summary={"v": {"a": 2}})) == {"v": {"a": 2}}

    def test_null_takes_it_away(self) -> None:
        assert summary_of(row({"a": 1, "b": 2}), event(summary={"a": None})) == {"b": 2}
        assert summary_of(event(summary={"never": None})) == {}

    def test_media_are_one_value(self) -> None:
        """An image without caption does not keep the caption of the one before."""
        before, after = {"_type": "image-file", "caption": "c"}, {"_type": "image-file", "width": 2}
        assert summary_of(row({"x": before}), row({"x": after})) == {"x": after}

    def test_what_was_logged_before_its_definition_counts(self) -> None:
        """With its last value: the rest is not kept for every metric there is."""
        bodies = [row({"q": 5}), event(define={"name": "q", "summary": ["min", "max"]}), row({"q": 7})]
        assert summary_of(*bodies) == {"q": {"min": 5, "max": 7}}

    def test_runtime(self) -> None:
        """Whole seconds to the last event of any kind."""
        state, _ = folded(row({"a": 1}), event(START + 12.7, config={}))
        assert loads(summary_line(state))["_wandb"] == {"runtime": 12}

    @given(st.lists(st.integers(-100, 100) | st.floats(-100, 100), min_size=1))
    def test_aggregates_are_those_of_all_values(self, numbers: Any) -> None:
        define = event(define={"name": "x", "summary": ["min", "max", "mean", "first", "last"]})
        got = summary_of(define, *(row({"x": number}) for number in numbers))["x"]
        assert (got["min"], got["max"], got["first"], got["last"]) == (
            min(numbers),
            max(numbers),
            numbers[0],
            numbers[-1],
        )
        assert got["mean"] == pytest.approx(math.fsum(numbers) / len(numbers))


class TestStepMetrics:
    def test_its_last_value_goes_into_rows_without_it(self) -> None:
        """0 before there was one; expected values are the official SDK's."""
        bodies = [
            event(define={"name": "val/*", "step_metric": "epoch", "step_sync": True, "summary": ["max"]}),
            event(define={"name": "val/b", "summary": ["min"]}),
            row({"val/a": 1, "val/b": 1}),
            row({"val/a": 3, "epoch": 4}),
            row({"val/a": 2, "_x": 1}),
            row({"val/b": 2}),
        ]
        assert metrics_of(*bodies) == [
            (0, {"val/a": 1, "val/b": 1, "epoch": 0}),
            (1, {"val/a": 3, "epoch": 4}),
            (2, {"val/a": 2, "_x": 1, "epoch": 4}),
            (3, {"val/b": 2}),
        ]
        assert summary_of(*bodies) == {"val/a": {"max": 3}, "val/b": {"min": 1}, "epoch": 4, "_x": 1}

    def test_only_numbers_count(self) -> None:
        define = event(define={"name": "val", "step_metric": "epoch", "step_sync": True})
        bodies = [define, row({"epoch": 5}), row({"epoch": "six"}), row({"val": 1})]
        assert metrics_of(*bodies)[-1] == (2, {"val": 1, "epoch": 5})

    def test_nested(self) -> None:
        define = event(define={"name": "v.a", "step_metric": "s.e", "step_sync": True})
        bodies = [define, row({"s": {"e": 3, "x": 1}}), row({"v": {"a": 1}, "s": {"x": 2}})]
        assert metrics_of(*bodies)[-1] == (1, {"v": {"a": 1}, "s": {"e": 3, "x": 2}})

    def test_without_step_sync_nothing_is_added(self) -> None:
        define = event(define={"name": "val", "step_metric": "epoch"})
        assert metrics_of(define, row({"epoch": 5}), row({"val": 1}))[-1] == (1, {"val": 1})

    @pytest.mark.parametrize("own", OWN)
    def test_the_rows_own_keys_as_step_metric(self, own: Any) -> None:
        """They are in every row already."""
        define = event(define={"name": "val", "step_metric": own, "step_sync": True})
        (got,) = rows_of(define, row({"val": 1}))
        assert got == {"val": 1, "_step": 0, "_timestamp": START, "_runtime": 0.0}


class TestStates:
    def test_the_first_state_is_what_run_json_says(self) -> None:
        given = {"name": "a", "summary": ["min"]}
        state = first_state(RunInfo("r", "p", config={"lr": 1}, define_metrics=[given]))
        assert state.config == {"lr": 1}
        assert state.metrics["a"]["summary"] == ["min"]

    def test_changes_of_the_run_and_its_config(self) -> None:
        """The later value of a key wins."""
        bodies = [event(config={"a": {"b": 1}, "c": 1}), event(config={"a": {"d": 2}}), event(run={"tags": ["x"]})]
        state, _ = folded(*bodies)
        assert (state.config, state.run) == ({"a": {"d": 2}, "c": 1}, {"tags": ["x"]})

    def test_values_the_program_knows_of_are_told_apart(self) -> None:
        """So that they are not counted twice."""
        state, delta = folded(event(metrics={"a": 1}, aside={"b": "no value"}))
        assert (state.set_aside, state.told, delta.aside) == (1, 1, [("b: no value", None)])

    def test_the_exit_closes_the_open_row(self) -> None:
        state, delta = fold(RULES, State(), [row({"a": 1}, 5), event(exit=3)])
        assert (len(delta.rows), state.exit, state.open) == (1, 3, None)

    def test_acknowledged_are_events_that_are_in_no_open_row(self) -> None:
        state, _ = fold(RULES, State(), [row({"a": 1}), row({"a": 1}, 5), row({"b": 1}, 5)])
        assert (state.events, state.open_events) == (3, 2)


class TestText:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("one", ["one"]),
            ("a\nb\r\nc", ["a", "b", "c"]),
            ("a\n\nb", ["a", "", "b"]),
            ("form\x0cfeed\u2028separator", ["form\x0cfeed\u2028separator"]),
            ("x" * 5000, ["x" * 4096]),
            ("", [""]),
        ],
    )
    def test_one_line_each(self, text: Any, expected: Any) -> None:
        """Lines end at newlines only, and at 4096 characters, where the server cuts them."""
        stamp = "2023-11-14T22:13:20.000000"
        assert text_lines({"text": text, "t": START}, structured=False) == [f"{stamp} {line}" for line in expected]
        lines = [json.loads(line) for line in text_lines({"text": text, "t": START}, structured=True)]
        assert lines == [{"ts": stamp, "content": line} for line in expected]

    @pytest.mark.parametrize(
        ("members", "error"),
        [
            ({"level": "INFO"}, False),
            ({"level": "WARNING"}, False),
            ({"level": "ERROR"}, True),
            ({"level": "CRITICAL"}, True),
            ({"level": "FATAL"}, True),
            ({"level": "AUDIT", "error": True}, True),
            ({}, False),
        ],
    )
    def test_errors_are_marked(self, members: Any, error: Any) -> None:
        """As the official client marks stderr, which the page shows in red."""
        made = {"text": "x", "t": START, **members}
        (plain,), (structured,) = text_lines(made, structured=False), text_lines(made, structured=True)
        assert plain.startswith("ERROR ") is error
        assert json.loads(structured).get("level") == ("error" if error else None)

    def test_without_a_formatter_it_reads_as_basic_config_has_it(self) -> None:
        (line,) = text_lines({"text": "hi", "level": "INFO", "logger": "train", "t": START}, structured=False)
        assert line == "2023-11-14T22:13:20.000000 INFO:train:hi"

    @given(st.integers(0, 4_102_444_800_000))
    def test_times_are_utc(self, millis: Any) -> None:
        """Whatever the zone of the machine, to the microsecond."""
        (line,) = text_lines({"text": "", "t": millis / 1000}, structured=False)
        second = datetime.fromtimestamp(millis // 1000, timezone.utc).strftime("%Y-%m-%dT%H:%M:%S")
        assert line.rstrip() == f"{second}.{millis % 1000:03d}000"

    @given(st.text(), st.booleans())
    def test_any_text_is_a_line(self, text: Any, structured: Any) -> None:
        """Whatever it holds, it comes back, and the lines can be sent."""
        lines = text_lines({"text": text, "t": START}, structured=structured)
        dumps(lines)
        if structured:
            parts = [json.loads(line)["content"] for line in lines]
            assert "\n".join(parts) == text.replace("\r\n", "\n")


class TestEventsOfNobody:
    """Lines whose checksum is right and whose content no version of ours has written."""

    @pytest.mark.parametrize(
        "given",
        [
            *("x", None, {}, {"name": ""}, {"name": 1}, {"name": ["a"]}, {"name": "a\ud800"}),
            *({"name": "a", "step_metric": 2}, {"name": "a", "summary": "max"}, {"name": "a", "summary": ["biggest"]}),
        ],
    )
    def test_a_definition_that_is_none(self, given: Any) -> None:
        """It is set aside, and what comes after it is as if it had not been there."""
        state, delta = folded(event(define=given), row({"a": 1}))
        assert [reason for reason, _ in delta.aside] == ["define cannot be this"]
        assert (state.metrics, len(delta.rows)) == ({}, 1)

    @pytest.mark.parametrize(
        ("key", "value"), [("tags", 0.5), ("tags", "ab"), ("tags", [1]), ("name", 3), ("notes", {"a": 1})]
    )
    def test_a_run_cannot_be_called_so(self, key: str, value: Any) -> None:
        """The rest of the change is done."""
        state, delta = folded(event(run={key: value, "group": "g"}))
        assert (state.run, len(delta.aside)) == ({"group": "g"}, 1)

    @pytest.mark.parametrize("level", [[], {}, 3, None])
    def test_a_level_that_is_no_name(self, level: Any) -> None:
        """The text is a line all the same."""
        _, delta = folded(event(text="x", level=level))
        assert len(delta.lines) == 1


class TestDottedNames:
    """Of the metric `{"a.b": 1}` and of `{"a": {"b": 1}}`, as the official SDK 0.31 has them: tried with it."""

    @pytest.mark.parametrize(
        ("definitions", "rows", "expected"),
        [
            (
                [{"name": "train.*", "step_metric": "epoch", "step_sync": True}],
                [{"epoch": 7}, {"train.loss": 0.5}, {"train": {"acc": 1}}],
                [{"epoch": 7}, {"train.loss": 0.5, "epoch": 7}, {"train": {"acc": 1}, "epoch": 7}],
            ),
            (
                [{"name": "train.loss", "step_metric": "epoch", "step_sync": True}],
                [{"epoch": 7}, {"train.loss": 0.5}, {"train": {"loss": 1}}],
                [{"epoch": 7}, {"train.loss": 0.5, "epoch": 7}, {"train": {"loss": 1}, "epoch": 7}],
            ),
            (
                [{"name": "train\\.*", "step_metric": "epoch", "step_sync": True}],
                [{"epoch": 7}, {"train.loss": 0.5}],
                [{"epoch": 7}, {"train.loss": 0.5}],
            ),
            (
                [{"name": "loss", "step_metric": "my.epoch", "step_sync": True}],
                [{"my.epoch": 7}, {"loss": 0.5}, {"my": {"epoch": 9}}, {"loss": 0.7}],
                [
                    {"my.epoch": 7},
                    {"loss": 0.5, "my": {"epoch": 0}},
                    {"my": {"epoch": 9}},
                    {"loss": 0.7, "my": {"epoch": 9}},
                ],
            ),
            (
                [
                    {"name": "*", "step_metric": "e", "step_sync": True},
                    {"name": "a.b", "step_metric": "f", "step_sync": True},
                ],
                [{"e": 1, "f": 2}, {"a.b": 5}, {"a": {"b": 7}}, {"c.d": 5}],
                [
                    {"e": 1, "f": 2},
                    {"a.b": 5, "f": 2, "e": 1},
                    {"a": {"b": 7}, "f": 2, "e": 1},
                    {"c.d": 5, "e": 1},
                ],
            ),
        ],
    )
    def test_the_x_axis(self, definitions: Any, rows: Any, expected: Any) -> None:
        """A definition holds for both ways to write a name, exact and with a star; one with an escaped dot for none."""
        given = [event(define=definition) for definition in definitions] + [row(metrics) for metrics in rows]
        _, delta = folded(*given)
        told = [{key: value for key, value in loads(line).items() if key not in OWN} for line in delta.rows]
        assert told == expected

    @pytest.mark.parametrize(
        ("name", "rows", "expected"),
        [
            ("train\\.loss", [{"train.loss": 0.5}, {"train.loss": 0.1}], {"train.loss": {"max": 0.5}}),
            ("t.l", [{"t.l": 0.5}, {"t": {"l": 1}}], {"t.l": 0.5, "t": {"l": {"max": 1}}}),
            ("train.*", [{"train.loss": 0.5}, {"train.loss": 0.1}], {"train.loss": 0.1}),
            ("a*", [{"a": {"b.c": 5}}, {"a": {"b.c": 4}}, {"a": {"b": 3}}], {"a": {"b.c": 4, "b": {"max": 3}}}),
        ],
    )
    def test_the_summary(self, name: Any, rows: Any, expected: Any) -> None:
        """There it is the name with its dots escaped that counts."""
        state, _ = folded(event(define={"name": name, "summary": ["max"]}), *map(row, rows))
        found = _fold.summary(state)
        assert {key: value for key, value in found.items() if key not in OWN} == expected


class TestTheLastStep:
    def test_a_row_there_is_the_last(self) -> None:
        """The server has no numbers beyond 64 bits: what comes behind is set aside, and counted."""
        last = 2**63 - 1
        state, delta = folded(row({"a": 1}, step=last), row({"a": 2}, step=last + 1), row({"a": 3}), row({"b": 4}))
        state, rest = finish(RULES, state)
        steps = [loads(line)["_step"] for line in delta.rows + rest.rows]
        assert steps == [last]
        assert state.set_aside == 2

    def test_a_journal_with_a_long_text_folds_as_any(self) -> None:
        """By the other writer of JSON."""
        long = "x\n\u00e9" * 2**18
        state, delta = folded(row({"a": long, "n": math.nan}), row({"a": long}, step=5), row({"b": 1}, step=6))
        state, rest = finish(RULES, state)
        assert [loads(line).get("a") for line in delta.rows + rest.rows] == [long, long, None]


@given(
    st.lists(
        st.one_of(
            st.floats(0, 4e9),
            st.integers(0, 2**32),
            st.integers(0, 2**53).map(lambda halves: halves / 2e6),  # in the middle between two microseconds
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["INFO", "ERROR"]),
    st.booleans(),
)
def test_each_line_has_its_own_time(times: list[float], level: str, error: bool) -> None:
    """A text has the UTC time of its record in microseconds, the nearest, whatever time the line before it has."""
    told = {"text": "said", "logger": "x", "level": level, **({"error": True} if error else {})}
    _, delta = folded(*(event(t, **told) for t in times))
    begin = datetime(1970, 1, 1, tzinfo=timezone.utc)
    stamps = [begin + timedelta(microseconds=round(t * 1e6)) for t in times]
    mark = "ERROR " if error or level == "ERROR" else ""
    assert delta.lines == [f"{mark}{stamp:%Y-%m-%dT%H:%M:%S.%f} {level}:x:said" for stamp in stamps]


@pytest.mark.parametrize("number", ["1e15", "-1E15", "1e-5", "12345678901234567", "0.1"])
def test_numbers_that_are_written_longer(number: str) -> None:
    """An event that is taken without a look at its size makes no row that is too large for the server."""
    many = (MAX_TEXT - 100) // (len(number) + 1)
    _, delta = folded(b'{"metrics":{"x":[%b]},"t":%b}' % (",".join([number] * many).encode(), str(START).encode()))
    assert len(delta.rows[0]) < MAX_ROW_BYTES
