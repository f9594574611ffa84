"""Rows that forked children and further programs log at steps they say: none is lost, each is at its own step."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, strategies as st

from wandb_logging._fold.fold import Rules, State, finish, fold
from wandb_logging._fold.told import finish as last, tell

RULES = Rules(start=1000.0)
OF_THE_SERVER = frozenset({"_timestamp", "_runtime"})


def row(n: int, step: int | None, by: int = 0, t: float = 1001.0, name: str = "n") -> bytes:
    event: dict[str, Any] = {"metrics": {name: n}, "t": t}
    if step is not None:
        event["step"] = step
    if by:
        event["by"] = by
    return json.dumps(event).encode()


def folded(bodies: list[bytes], cut: int = 0) -> list[dict[str, Any]]:
    """The rows of some events, folded in two pieces."""
    state, first = fold(RULES, State(), bodies[:cut])
    state = State(**json.loads(json.dumps(state.to_json())))
    state, second = fold(RULES, state, bodies[cut:])
    _, last = finish(RULES, state)
    lines = (json.loads(line) for delta in (first, second, last) for line in delta.rows)
    return [{key: line[key] for key in line if key not in OF_THE_SERVER} for line in lines]


def points(rows: list[dict[str, Any]], name: str, axis: str = "_step") -> list[tuple[int, int]]:
    return [(line[axis], line[name]) for line in rows if name in line]


def test_the_steps_are_the_parents() -> None:
    """What children log at the same steps under the same name is a curve of theirs, and the parent's stays."""
    bodies = [row(step, step, by) for by in (0, 2, 3) for step in range(20)]
    rows = folded(bodies)
    assert points(rows, "n") == [(step, step) for step in range(20)]
    for by in (2, 3):
        assert points(rows, f"n/l:w{by}", f"step/l:w{by}") == [(step, step) for step in range(20)]


def test_children_that_are_ahead() -> None:
    """Rounds in which the children come first, or log far more, do not move the parent's rows."""
    bodies = []
    for part in range(4):
        bodies += [row(step, step) for step in range(part * 10, part * 10 + 10)]
        bodies += [row(step, step, 2) for step in range(part * 25, part * 25 + 25)]
    rows = folded(bodies)
    assert points(rows, "n") == [(step, step) for step in range(40)]
    assert points(rows, "n/l:w2", "step/l:w2") == [(step, step) for step in range(100)]


def test_a_child_that_is_first() -> None:
    """What a child logs before its parent does is apart all the same: it waits for that."""
    rows = folded([*(row(step, step, 2) for step in range(20)), *(row(step, step) for step in range(20))])
    assert points(rows, "n") == [(step, step) for step in range(20)]
    assert points(rows, "n/l:w2", "step/l:w2") == [(step, step) for step in range(20)]


def test_a_child_that_is_read_after_the_end() -> None:
    """The journal of a child may be read when that of its parent has said the end: nothing waits then."""
    end_of_it = json.dumps({"exit": 0, "t": 1001.0}).encode()
    bodies = [*(row(step, step) for step in range(3)), end_of_it, *(row(step, step, 2) for step in range(3))]
    state, delta = fold(RULES, State(), bodies)
    assert len(delta.rows) == 6
    assert not state.apart.get("waiting")


def test_one_child_alone_has_the_steps_of_the_run() -> None:
    """A program that trains in a forked child, and whose parent says no step, is as if it did not fork."""
    assert folded([row(0, None, name="start"), *(row(step, step + 1, 2) for step in range(5))]) == [
        {"start": 0, "_step": 0},
        *({"n": step, "_step": step + 1} for step in range(5)),
    ]


def test_names_of_its_own_are_kept() -> None:
    """A child that logs what nobody else does, such as an evaluation, keeps its names: its step is their x axis."""
    bodies = [row(step, step * 10) for step in range(5)]
    bodies[3:3] = [row(7, 10, 2, name="acc")]
    rows = folded(bodies)
    assert points(rows, "acc", "step/l:w2") == [(10, 7)]
    assert points(rows, "n") == [(step * 10, step) for step in range(5)]


def test_nothing_waits_for_long() -> None:
    """Where the parent logs no more, what children log comes out after half a minute at the latest."""
    state, delta = fold(RULES, State(), [row(0, 0), *(row(i, i, 2, t=1001.0 + i) for i in range(100))])
    assert len(delta.rows) > 60
    state, delta = fold(RULES, State(), [row(0, 0), *(row(i, i, 2) for i in range(1000))])
    assert len(state.apart["waiting"]) <= 300


STEPS = st.lists(st.tuples(st.sampled_from([0, 0, 2, 3]), st.integers(1, 3)), max_size=60)


def bodies_of(given_steps: list[tuple[int, int]], pause: float = 0.0) -> list[bytes]:
    """Rows of several processes, each of which goes on to its next step."""
    at = {0: 0, 2: 0, 3: 0}
    bodies = []
    for n, (by, more) in enumerate(given_steps):
        at[by] += more
        bodies.append(row(n, at[by], by, 1001.0 + n * pause))
    return bodies


@given(STEPS, st.integers(0, 60), st.floats(0, 20))
def test_no_row_is_lost(given_steps: list[tuple[int, int]], cut: int, pause: float) -> None:
    """Whoever logs at whatever steps, each row is there once, at rising steps, however the journal is cut."""
    bodies = bodies_of(given_steps, pause)
    whole = folded(bodies)
    found = sorted(value for line in whole for key, value in line.items() if key == "n" or key.startswith("n/l:"))
    assert found == list(range(len(bodies)))
    assert [line["_step"] for line in whole] == sorted({line["_step"] for line in whole})
    assert folded(bodies, cut) == whole


@given(STEPS, st.floats(0, 20))
def test_who_looks_sees_the_same(given_steps: list[tuple[int, int]], pause: float) -> None:
    """Rows as values are those that are sent."""
    state, told = tell(RULES, State(), bodies_of(given_steps, pause))
    rest = last(RULES, state)
    rows = [{key: line[key] for key in line if key not in OF_THE_SERVER} for line in (*told.rows, *rest.rows)]
    assert rows == folded(bodies_of(given_steps, pause))
