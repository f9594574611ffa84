"""Rows of several processes in one run: names, steps of their own, x axes."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, strategies as st

from wandb_logging._fold.fold import Rules, State, finish, fold

RULES = Rules(start=1000.0)


def folded(*events: dict[str, Any], rules: Rules = RULES, state: State | None = None) -> tuple[State, list[Any], Any]:
    bodies = [json.dumps({"t": 1001.0, **event}).encode() for event in events]
    state, delta = fold(rules, state or State(), bodies)
    state, rest = finish(rules, state)
    rows = [json.loads(row) for row in (*delta.rows, *rest.rows)]
    return state, [{key: row[key] for key in row if key not in {"_timestamp", "_runtime"}} for row in rows], delta


def test_names_and_steps() -> None:
    """Who has a label has it behind its names, and its own step beside them; whose label is empty keeps the names."""
    _, rows, _ = folded(
        {"metrics": {"loss": 1}, "label": ""},
        {"metrics": {"loss": 2}, "label": "3"},
        {"metrics": {"loss": 3}, "label": "3"},
        {"metrics": {"loss": 4}, "label": ""},
    )
    assert rows == [
        {"loss": 1, "step": 0, "_step": 0},
        {"loss/l:3": 2, "step/l:3": 0, "_step": 1},
        {"loss/l:3": 3, "step/l:3": 1, "_step": 2},
        {"loss": 4, "step": 1, "_step": 3},
    ]


def test_explicit_steps_are_ones_own() -> None:
    """However far another is, no row is late: each has a row, and its step is on the x axis."""
    steps = [(label, step) for label in ("", "1", "2") for step in (0, 10, 20)]
    state, rows, _ = folded(*({"metrics": {"x": step}, "step": step, "label": label} for label, step in steps))
    assert [row["_step"] for row in rows] == list(range(9))
    assert [row[f"step/l:{label}" if label else "step"] for row, (label, _) in zip(rows, steps)] == [0, 10, 20] * 3
    assert state.late == 0


def test_the_axis_is_defined() -> None:
    """Each metric has the step of its own process as x axis, said once."""
    row = {"metrics": {"loss": 1, "val": {"acc": 2}}, "label": "3"}
    state, _, _ = folded(row, row)
    axes = {name: definition["step_metric"] for name, definition in state.metrics.items()}
    assert axes == {"loss/l:3": "step/l:3", "val.acc/l:3": "step/l:3"}
    assert folded(row, state=state)[0].metrics is state.metrics


def test_what_the_program_defined_holds_for_each() -> None:
    """An x axis, and what the summary shows, that is defined for a name is the same for it with a label."""
    state, rows, _ = folded(
        {"define": {"name": "val*", "step_metric": "epoch", "step_sync": True, "summary": ["min"]}},
        {"metrics": {"val": 3, "epoch": 7}, "label": "1"},
        {"metrics": {"val": 2}, "label": "1"},
    )
    assert state.metrics["val/l:1"]["step_metric"] == "epoch/l:1"
    assert state.metrics["val/l:1"]["summary"] == ["min"]
    assert [row["epoch/l:1"] for row in rows] == [7, 7]


def test_texts_samples_and_summary_say_whose_they_are() -> None:
    """Lines are marked, system metrics and what is set in the summary have the label behind their names."""
    state, _, delta = folded(
        {"text": "one\ntwo", "level": "INFO", "label": "3"},
        {"text": "plain", "level": "INFO", "label": ""},
        {"text": "named", "level": "INFO", "label": "node-a"},
        {"system": {"cpu": 1.0}, "label": "3"},
        {"summary": {"best": 2}, "label": "3"},
    )
    assert [line.rpartition("Z ")[2].partition(" ")[2] for line in delta.lines] == [
        "[rank 3] one",
        "[rank 3] two",
        "plain",
        "[node-a] named",
    ]
    assert '"system.cpu/l:3":1.0' in delta.samples[0].replace(" ", "")
    assert state.summary["best/l:3"] == 2


def test_late_steps_are_each_ones_own() -> None:
    """With late_steps: drop a step is late if the same process was farther."""
    rules = Rules(start=1000.0, late_steps="drop")
    _, rows, delta = folded(
        {"metrics": {"x": 1}, "step": 5, "label": "1"},
        {"metrics": {"x": 2}, "step": 3, "label": "1"},
        {"metrics": {"x": 3}, "step": 3, "label": "2"},
        rules=rules,
    )
    assert len(rows) == 2
    assert "step 3 is lower than the current step 5" in delta.aside[0][0]


@given(
    st.lists(st.tuples(st.sampled_from(["", "1", "2"]), st.none() | st.integers(0, 50)), max_size=40),
    st.integers(0, 40),
)
def test_every_row_once_and_cut_anywhere(rows: list[tuple[str, int | None]], cut: int) -> None:
    """Each event is a row, in order; the same events cut in two give the same rows."""
    events: list[dict[str, Any]] = [
        {"metrics": {"n": n}, "label": label, **({} if step is None else {"step": step})}
        for n, (label, step) in enumerate(rows)
    ]
    _, whole, _ = folded(*events)
    assert [next(row[key] for key in row if key.partition("/")[0] == "n") for row in whole] == list(range(len(events)))
    bodies = [json.dumps({"t": 1001.0, **event}).encode() for event in events]
    state, first = fold(RULES, State(), bodies[:cut])
    state = State(**json.loads(json.dumps(state.to_json())))
    _, second = fold(RULES, state, bodies[cut:])
    lines = [json.loads(line) for line in (*first.rows, *second.rows)]
    assert [{key: row[key] for key in row if key not in {"_timestamp", "_runtime"}} for row in lines] == whole


def shown(*events: dict[str, Any], **rules: Any) -> list[str]:
    """The lines of a run in the end, without their time."""
    lines: list[str] = []
    state = State()
    for event in events:
        state, delta = fold(Rules(start=1000.0, **rules), state, [json.dumps({"t": 1001.0, **event}).encode()])
        lines += delta.lines
        for number, line in delta.edits.items():
            lines[number] = line
        state = State(**json.loads(json.dumps(state.to_json())))
    return [line.removeprefix("ERROR ").partition(" ")[2] for line in lines]


def test_what_each_prints_is_a_terminal_of_its_own() -> None:
    """Lines begun at once are not mixed, bars are drawn again where they are, and each line says whose it is."""
    assert shown(
        {"output": "epo", "label": "3"},
        {"output": "zero\n", "label": ""},
        {"output": "ch 1\n10%", "label": "3"},
        {"output": "5%", "label": "node-a", "error": True},
        {"output": "\r20%", "label": "3"},
        {"output": "\r90%\n", "label": "node-a", "error": True},
    ) == ["[rank 3] epoch 1", "zero", "[rank 3] 20%", "[node-a] 90%"]


def test_a_line_that_is_old_stays_as_it_is() -> None:
    """However long another is silent, the state that is kept has no more than what can still change."""
    state, _ = fold(RULES, State(), [json.dumps({"t": 1001.0, "output": "10%", "label": "3"}).encode()])
    for number in range(2):
        many = {"t": 1001.0, "output": "line\n" * 40, "label": str(number)}
        state, _ = fold(RULES, state, [json.dumps(many).encode()])
    assert [len(screen["lines"]) for screen in state.screens.values()] == [0, 0, 32]
    state, delta = fold(RULES, state, [json.dumps({"t": 1002.0, "output": "\r20%", "label": "3"}).encode()])
    assert (delta.lines, delta.edits) == ([], {})


MINES: dict[str, Any] = {"text_rules": [{"line": "step {step} loss {loss}"}]}


def test_what_is_found_in_the_text_of_each() -> None:
    """It is as what that process logs itself, also where lines come in pieces: its names, its steps, their x axis."""
    rules = Rules(start=1000.0, **MINES)
    state, rows, _ = folded(
        {"text": "step 10 loss 3.5", "level": "INFO", "label": ""},
        {"text": "step 5 loss 2.5", "level": "INFO", "label": "3"},
        {"output": "step 6 lo", "label": "3"},
        {"output": "step 11 loss 4.5\n", "label": ""},
        {"output": "ss 1.5\nstep 7 loss 0.5", "label": "3"},
        rules=rules,
    )
    assert rows == [
        {"loss": 3.5, "step": 10, "_step": 0},
        {"loss/l:3": 2.5, "step/l:3": 5, "_step": 1},
        {"loss": 4.5, "step": 11, "_step": 2},
        {"loss/l:3": 1.5, "step/l:3": 6, "_step": 3},
        {"loss/l:3": 0.5, "step/l:3": 7, "_step": 4},
    ]
    assert state.metrics["loss/l:3"]["step_metric"] == "step/l:3"


def test_what_a_process_logs_itself_is_not_taken_from_its_text() -> None:
    """That is exact. What another logs says nothing of this one's text."""
    rules = Rules(start=1000.0, **MINES)
    _, rows, _ = folded(
        {"metrics": {"loss": 1.25}, "label": "3"},
        {"text": "step 1 loss 1.2", "level": "INFO", "label": "3"},
        {"text": "step 1 loss 7.5", "level": "INFO", "label": "2"},
        rules=rules,
    )
    assert [{name for name in row if name.startswith("loss")} for row in rows] == [{"loss/l:3"}, {"loss/l:2"}]


def test_a_rule_for_one_stream_holds_for_that_of_each() -> None:
    """`stream: stderr` is the stderr of every process."""
    rules = Rules(start=1000.0, text_rules=[{"line": "loss {loss}", "stream": "stderr"}])
    _, rows, _ = folded(
        {"output": "loss 1\n", "label": "3"},
        {"output": "loss 2\n", "label": "3", "error": True},
        rules=rules,
    )
    assert [row["loss/l:3"] for row in rows] == [2]
