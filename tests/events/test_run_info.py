from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from tests.runs import put_cursor
from wandb_logging._errors import JournalCorrupt
from wandb_logging._events.run_info import RunInfo, problem
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.outline import outline
from wandb_logging._reading.read import read_run

if TYPE_CHECKING:
    from pathlib import Path

WHOLE: dict[str, Any] = {
    "format": 1,
    "id": "r",
    "project": "p",
    "entity": None,
    "name": "first",
    "notes": None,
    "tags": ["a"],
    "group": None,
    "job_type": None,
    "config": {"lr": 0.1},
    "resume": None,
    "host": "https://api.wandb.ai",
    "app_url": None,
    "mode": "offline",
    "start": 1_700_000_000.0,
    "writer_id": "w",
    "host_name": "node1",
    "program": "train.py",
    "late_steps": "shift",
    "late_step_metric": "step",
    "define_metrics": [{"name": "val/*", "step_metric": "epoch", "summary": ["min"]}],
    "server": {
        "storage_id": "s",
        "entity": "e",
        "project": "p",
        "name": "r",
        "display_name": "first",
        "host": "https://api.wandb.ai",
        "history": 3,
        "events": 0,
        "output": 0,
        "step": 3,
        "runtime": 1.5,
        "config": {},
        "summary": {"loss": 1},
        "structured": True,
        "gzip": False,
    },
}

# Whatever may stand in a JSON file. Lone surrogates can: JSON writes them as escapes.
texts = st.text(st.characters(), max_size=5)
numbers = st.integers() | st.floats() | st.sampled_from([10**400, -1, 0, 2**63])
scalars = st.none() | st.booleans() | numbers | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
places = st.sampled_from([(key,) for key in WHOLE] + [("server", key) for key in WHOLE["server"]])


def test_what_we_write() -> None:
    """A whole run.json can be relied on, also without what may be left out, and with members that are new."""
    assert problem(WHOLE) is None
    assert problem({"format": 1, "id": "r", "project": "p", "start": 0}) is None
    assert problem({**WHOLE, "new": {}, "server": {}}) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "has format 2; this version reads 1"),
        ({"format": "x" * 99}, "has format 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...; this version reads 1"),
        ({"id": ""}, "has id '', expected a text that is not empty"),
        ({"project": None}, "has project None, expected a text that is not empty"),
        ({"start": True}, "has start True, expected seconds since 1970"),
        ({"start": float("nan")}, "has start nan, expected seconds since 1970"),
        ({"tags": "a"}, "has tags 'a', expected a list of texts"),
        ({"notes": "\ud800"}, "has notes '\\ud800', expected a text"),
        ({"config": []}, "has config [], expected an object"),
        ({"late_steps": None}, "has late_steps None, expected shift, error or drop"),
        ({"define_metrics": [{}]}, "has define_metrics [{}], expected a list of definitions"),
        ({"server": {"host": ""}}, "has no server.storage_id"),
        ({"server": {**WHOLE["server"], "step": -1}}, "has server.step -1, expected a whole number from 0 on"),
        ({"server": {**WHOLE["server"], "gzip": 1}}, "has server.gzip 1, expected true or false"),
    ],
)
def test_what_is_wrong_is_said(change: dict[str, Any], words: str) -> None:
    """The member, what it holds, and what was expected."""
    assert problem({**WHOLE, **change}) == words


@pytest.mark.parametrize("name", ["id", "project", "start"])
def test_what_is_missing_is_said(name: str) -> None:
    """Without these nothing can be done with a run."""
    assert problem({key: value for key, value in WHOLE.items() if key != name}) == f"has no {name}"


def test_there_and_back() -> None:
    """What is read is written again: members of a later version too, what the server said apart."""
    info = RunInfo.from_json({**WHOLE, "new": {"a": 1}, "ranks": {"held": True}})
    assert info.server is not None
    kept = json.loads(json.dumps(info.to_json()))
    assert (kept["new"], kept["ranks"], "server" in kept) == ({"a": 1}, {"held": True}, False)
    assert {**WHOLE, **kept, "server": WHOLE["server"]} == {**kept, "server": WHOLE["server"]}
    assert RunInfo.from_json({**kept, "server": info.server.to_json()}) == info
    assert WHOLE["server"].items() <= info.server.to_json().items()


def test_what_a_version_before_needs_is_no_null() -> None:
    """It reads null where it wrote null, and nowhere else."""
    kept = RunInfo("r", "p").to_json()
    assert [kept[name] for name in ("late_steps", "late_step_metric", "standard_files")] == ["shift", "step", []]
    assert not kept.keys() & {"send", "ranks", "imported"}


def test_a_run_begins_where_the_server_said() -> None:
    """An empty server.json says nothing, and so does null."""
    assert RunInfo.from_json({**WHOLE, "server": {}}).server is None
    assert RunInfo.from_json({**WHOLE, "server": None}).server is None


def test_a_server_that_does_not_say_its_address() -> None:
    """It is the one that the run was made for; an empty address is another than any."""
    server = {key: value for key, value in WHOLE["server"].items() if key != "host"}
    for said, host in ((server, WHOLE["host"]), ({**server, "host": ""}, "")):
        info = RunInfo.from_json({**WHOLE, "server": said})
        assert info.server is not None
        assert info.server.host == host


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("rewind", "yes"),
        ("branch_point", {"step": 3}),
        ("branch_point", {"run_id": "r", "step": -1}),
        ("standard_files", "all"),
        ("ignore_globs", [1]),
        ("cache_policy", 7),
        ("ranks", []),
        ("imported", "x"),
    ],
)
def test_rare_members_are_looked_at(member: str, value: Any) -> None:
    """Also what few runs have is checked before somebody counts on it."""
    assert str(problem({**WHOLE, member: value})).startswith(f"has {member} ")


def test_changes_that_nobody_knows() -> None:
    """A cursor of another version may hold any: what has no place of its own is kept beside."""
    info = RunInfo.from_json(WHOLE)
    now = info.changed({"name": "second", "mood": "good"})
    assert (now.name, now.other, now.server) == ("second", {"mood": "good"}, info.server)


@given(st.lists(st.tuples(places, values | st.just(...)), min_size=1, max_size=3))
def test_any_run_json(tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[tuple[str, ...], Any]]) -> None:
    """Members may be missing or hold anything: a run is read, or it is JournalCorrupt with a sentence."""
    info = copy.deepcopy(WHOLE)
    for place, value in changes:
        holder = info if len(place) == 1 else info.get("server")
        if isinstance(holder, dict):
            holder[place[-1]] = value
            if value is ...:
                del holder[place[-1]]
    path = tmp_path_factory.mktemp("run")
    (path / "run.json").write_text(json.dumps(info))
    for read in (read_run, lambda path: outline(RunDir(path))):
        try:
            found = read(path)
        except JournalCorrupt as exc:
            assert str(path) in str(exc)  # noqa: PT017  there need not be an error
            assert " has " in str(exc)  # noqa: PT017
        else:
            assert found.info["id"] == info["id"]


@given(values | st.fixed_dictionaries({"position": values, "state": values, "complete": values}))
def test_any_cursor(tmp_path_factory: pytest.TempPathFactory, cursor: Any) -> None:
    """A cursor that another version wrote is as good as lost, where it cannot be used."""
    run_dir = _run_with_a_row(tmp_path_factory.mktemp("run"))
    put_cursor(run_dir, cursor)
    assert outline(run_dir).unsent == read_run(run_dir.path).unsent
    assert len(read_run(run_dir.path).rows) == 1


def _run_with_a_row(path: Path) -> RunDir:
    run_dir = RunDir(path)
    run_dir.save_info(RunInfo.from_json(WHOLE))
    writer = run_dir.writer()
    writer.append(b'{"metrics":{"n":1},"t":1700000001.0}')
    writer.close()
    return run_dir
