"""Promises of a line of the journal: one place knows what it can say."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from wandb_logging import Artifact, WandbHandler, new_run
from wandb_logging._events.event import Event, exit_code_after, problems
from wandb_logging._fold.fold import Rules, State, fold
from wandb_logging._journal.seal import unseal

BEFORE = Path(__file__).parents[1] / "data" / "before"

objects = st.dictionaries(st.text(max_size=3), st.integers() | st.text(max_size=3), max_size=2)
MEMBERS: dict[str, st.SearchStrategy[Any]] = {
    **dict.fromkeys(("metrics", "aside", "system", "config", "summary", "run"), objects),
    **dict.fromkeys(("file", "artifact", "use_artifact", "alert"), objects),
    **dict.fromkeys(("text", "level", "logger", "from", "output", "label"), st.text(max_size=5)),
    **dict.fromkeys(("error", "resume"), st.just(value=True)),
    "commit": st.booleans(),
    "define": st.fixed_dictionaries({"name": st.text("ab", min_size=1)}, optional={"hidden": st.booleans()}),
    "media": st.lists(objects, max_size=2),
    "tensorboard": st.tuples(st.text(max_size=3), st.integers()).map(list),
    "step": st.integers(),
    "exit": st.integers(),
}


def lines(folder: Path) -> list[dict[str, Any]]:
    """The events of all run directories in a folder."""
    found = []
    for path in sorted(folder.rglob("journal-*.jsonl")):
        bodies = map(unseal, path.read_bytes().splitlines())
        found += [json.loads(body) for body in bodies if body is not None]
    return found


@given(st.fixed_dictionaries({"t": st.floats(0, 2e9)}, optional=MEMBERS))
def test_there_and_back(kept: dict[str, Any]) -> None:
    """A line is read and written the same, whatever it says."""
    assert problems(kept) == {}
    assert Event.from_json(kept).to_json() == kept


@pytest.mark.parametrize("name", MEMBERS)
def test_what_is_not_of_its_kind(name: str) -> None:
    """It is named, and left out where it would do harm."""
    kept = {"t": 1.0, name: {"a"} if name in {"media", "text"} else 0.5}
    assert problems(kept) == {name: kept[name]}
    assert Event.from_json(kept) == Event(1.0)


def test_members_of_a_later_version() -> None:
    """They are nobody's fault, and say nothing here."""
    assert problems({"t": 1.0, "mood": 7}) == {}
    assert Event.from_json({"t": 1.0, "mood": 7}) == Event(1.0)


@pytest.mark.parametrize("time", [None, "1", -1, 1e12, True, float("nan")])
def test_no_time(time: object) -> None:
    """Seconds since 1970, of a time that has a date."""
    assert "t" in problems({"t": time})


def test_the_fold_says_what_it_cannot_use() -> None:
    """A change that is none is set aside, with its name."""
    state, delta = fold(Rules(start=1.0), State(), [b'{"exit":"soon","config":{"lr":1},"t":2.0}'])
    assert delta.aside == [("exit cannot be this", "soon")]
    assert (state.exit, state.config, state.set_aside) == (None, {"lr": 1}, 1)


def test_how_a_run_stands() -> None:
    """The last word counts: an exit code, or that it goes on."""
    assert exit_code_after(None, [Event(1.0, exit=3)]) == 3
    assert exit_code_after(3, [Event(2.0, resume=True)]) is None
    assert exit_code_after(3, [Event(2.0, resume=True), Event(3.0, exit=0)]) == 0
    assert exit_code_after(3, [Event(2.0, text="a")]) == 3


def test_what_must_not_be_lost_for_room(tmp_path: Path) -> None:
    """The files that a line names, of the run and of its media."""
    media = [{"name": "media/a", "path": "files/media/a"}, {"name": "b"}, 7]
    event = Event(1.0, file={"name": "n", "path": str(tmp_path)}, media=media)
    assert list(event.paths) == [str(tmp_path), "files/media/a"]
    assert [kind for kind, _ in event.tasks] == ["file"]


def test_all_that_the_version_before_wrote() -> None:
    """Each member has its place here."""
    found = lines(BEFORE)
    assert len(found) > 10
    for kept in found:
        assert (problems(kept), Event.from_json(kept).to_json()) == ({}, kept)


def test_all_that_this_version_writes(tmp_path: Path) -> None:
    """What a program can have a run say is in the list, member for member."""
    given: Any = {"project": "p", "run_id": "r", "mode": "offline", "cache_dir": tmp_path, "quiet": True}
    rules = {"rules": [{"pairs": "=", "has": "loss=", "logger": "train"}]}
    handler = WandbHandler(**given, text_metrics=rules)
    handler.setFormatter(logging.Formatter("%(message)s"))
    handler.handle(
        logging.makeLogRecord({"msg": "plain", "name": "train", "levelno": logging.ERROR, "levelname": "WORSE"})
    )
    handler.handle(logging.makeLogRecord({"msg": "row", "metrics": {"x": float("nan")}, "step": 3}))
    handler.close()
    run = new_run(**given, resume="allow")
    run.log({"a": 1, "bad": object()}, step=5, commit=False)
    run.log_output("hello\n", error=True)
    run.update_config(b=2)
    run.summary["best"] = 1
    run.name = "other"
    run.define_metric("a", summary="max")
    run.alert("t", "x")
    (tmp_path / "w.txt").write_text("w")
    run.save(tmp_path / "w.txt")
    run.log_artifact(Artifact("data", "dataset"))
    run.finish(exit_code=3)
    found = lines(tmp_path)
    for kept in found:
        assert (problems(kept), Event.from_json(kept).to_json()) == ({}, kept)
    said = {name for kept in found for name in kept}
    assert said == {"t", *MEMBERS} - {"use_artifact", "media", "system", "logger", "tensorboard", "label"}
