"""A run directory that does not know of its run's end, which the server has heard: its disk was away by then."""

from __future__ import annotations

import shutil
import types
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from tests.runs import add, make_run
from wandb_logging import new_run, read_run, sync
from wandb_logging._events.run_info import Remote
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.known_end import find_known_end
from wandb_logging._values.plain import dumps
from wandb_logging.testing import LocalServer


@pytest.fixture(params=[0])
def before_the_end(request: pytest.FixtureRequest, tmp_path: Path, wandb_server: LocalServer) -> Path:
    """The directory of a run as its disk had it when it went away: one row is sent; the server has all three since."""
    run = new_run("p", run_id="r", mode="online", cache_dir=tmp_path / "cache", quiet=True, flush_interval=3600)
    run.log({"x": 0})
    assert run.flush(PATIENCE).ok
    assert run.dir is not None
    had = shutil.copytree(run.dir, tmp_path / "had")
    run.log({"x": 1})
    run.log({"x": 2})
    assert run.finish(exit_code=request.param).ok
    return had


def rows(server: LocalServer) -> list[int]:
    return [row["x"] for row in server.run("r").history]


def test_it_stays_as_the_server_has_it(
    before_the_end: Path, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Its end, its summary and its files; the directory says the same from then on, and who sends it what it lacks."""
    there = wandb_server.run("r")
    files = dict(there.files)
    (report,) = sync(before_the_end)
    assert (report.ok, report.finished, report.exit_code) == (True, True, 0)
    assert (there.state, there.exit_code, there.summary["x"], rows(wandb_server)) == ("finished", 0, 2, [0, 1, 2])
    assert there.files == files
    assert "3 rows, 2 of which are not in this directory" in caplog.text
    assert read_run(before_the_end).exit_code == 0
    asked = len(wandb_server.requests)
    assert sync(before_the_end)[0].ok
    assert {request.operation for request in wandb_server.requests[asked:]} <= {"RunLineCount"}


@pytest.mark.parametrize("before_the_end", [3], indirect=True)
def test_of_one_that_failed_there(before_the_end: Path, wandb_server: LocalServer) -> None:
    """The server has more than the directory can make: its own process said that it failed, and its summary stays."""
    (report,) = sync(before_the_end)
    there = wandb_server.run("r")
    assert (report.exit_code, there.exit_code, there.summary["x"]) == (1, 3, 2)


def test_what_has_gone_on_since(before_the_end: Path, wandb_server: LocalServer) -> None:
    """The end that the server has heard is that of before; what came then ended with its process."""
    writer = RunDir(before_the_end).writer()
    add(writer, [{"resume": True, "t": 1.8e9}])
    writer.close()
    (report,) = sync(before_the_end)
    assert report.exit_code == 1
    assert wandb_server.run("r").state == "failed"


@pytest.mark.not_quick
@pytest.mark.parametrize("answer", [{"status": 400}, {"status": 200, "body": {"data": {"model": None}}}])
def test_a_server_that_does_not_tell(
    answer: dict[str, object], before_the_end: Path, wandb_server: LocalServer
) -> None:
    """No reason to leave the run without an end."""
    wandb_server.fail_always(operation="RunLineCountAndState", **answer)
    (report,) = sync(before_the_end)
    assert (report.finished, report.exit_code) == (True, 1)


REMOTE = Remote(storage_id="s", entity="e", project="p", name="r", display_name="r")
ROW = {"metrics": {"x": 9}, "t": 1.8e9}


@pytest.mark.parametrize(
    ("state", "there", "unsent", "expected"),
    [
        ("finished", 3, [ROW, ROW], 0),
        ("finished", 9, [ROW, ROW], 0),
        ("finished", 2, [ROW, ROW], None),  # the server lacks one
        ("finished", 2, [{"text": "a", "level": "INFO", "t": 1.8e9}] * 5, 0),
        ("failed", 3, [ROW, ROW], None),  # as `sync` says it
        ("failed", 4, [ROW, ROW], 1),
        ("running", 9, [ROW], None),
        ("crashed", 9, [ROW], None),  # W&B's word for silence
        ("finished", 9, [{"resume": True, "t": 1.8e9}], None),
        ("finished", 9, [{"exit": 3, "t": 1.8e9}], None),
        (None, 9, [], None),
    ],
)
def test_what_counts_as_heard(
    state: str | None, there: int, unsent: list[dict[str, Any]], expected: int | None, tmp_path: Path
) -> None:
    """An end of the run's own process, of a run of which the server has all that is here."""
    answers = {"historyLineCount": there, "state": state, "config": "{}"}
    run_dir = make_run(tmp_path, unsent)
    link: Any = types.SimpleNamespace(graphql=lambda *_: {"model": {"bucket": answers}})
    found = find_known_end(link, run_dir, run_dir.info.but(server=REMOTE), None, 1)
    assert (found and found.code) == expected


def test_who_else_wrote_the_run(tmp_path: Path) -> None:
    """Of a run that went on elsewhere nothing of what is here counts as sent."""
    run_dir = make_run(tmp_path, id="r")
    for writer, expected in (("r", 0), ("another", None)):
        config = dumps(protocol_config(writer)).decode()
        answer = {"model": {"bucket": {"historyLineCount": 3, "state": "finished", "config": config}}}
        link: Any = types.SimpleNamespace(graphql=lambda *_, answer=answer: answer)
        found = find_known_end(link, run_dir, run_dir.info.but(server=REMOTE), None, 1)
        assert (found and found.code) == expected


def protocol_config(writer: str) -> dict[str, Any]:
    """The config of a run as a writer of that name leaves it."""
    return {"_wandb": {"value": {"e": {writer: {}}}}}
