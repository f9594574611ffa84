"""A run that begins without a directory gets one as soon as the disk lets it: nothing in memory is lost by then."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import Run, new_run, read_run, sync
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import create_run
from wandb_logging._journal.cursor import Cursor
from wandb_logging._journal.position import position
from wandb_logging.testing import LocalServer

FOLDER = Path("wandb_cache")


def begun(**settings: Any) -> Run:
    """A run that began while no directory could be made, and has three rows."""
    FOLDER.touch()
    run = new_run("p", run_id="late", quiet=True, **settings)
    assert not run.dir
    log(run, 0, 3)
    return run


def log(run: Run, first: int, end: int) -> None:
    for number in range(first, end):
        run.log({"x": number})


def rows(server: LocalServer) -> list[int]:
    return [row["x"] for row in server.run("late").history]


def kept() -> list[int]:
    """The rows of the one run on the disk."""
    (identity,) = FOLDER.glob("p/*/run.json")
    return [row["x"] for row in read_run(identity.parent).rows]


def test_at_the_end_at_the_latest(wandb_server: LocalServer) -> None:
    """The rows of an offline run are there for `sync`, in the directory that the report names."""
    run = begun(mode="offline", flush_interval=3600)
    FOLDER.unlink()
    report = run.finish()
    assert (report.path, run.stats()["dropped"]) == (run.dir, {})
    assert report.path is not None
    assert kept() == [0, 1, 2]
    assert sync(report.path)[0].ok
    assert rows(wandb_server) == [0, 1, 2]
    assert wandb_server.run("late").state == "finished"


def test_with_the_first_round_that_can(wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """From then on the run is on the disk like any other: a kill loses nothing, and its files have copies."""
    run = begun(mode="offline")
    with caplog.at_level(logging.INFO, "wandb_logging"):
        run.flush(PATIENCE)
        assert not run.dir
        FOLDER.unlink()
        run.flush(PATIENCE)
        run.flush(PATIENCE)
    assert f"the disk has room again: rows are on it from now on, in {run.dir}" in caplog.text
    log(run, 3, 5)
    assert run.dir is not None
    assert (run.step, kept()) == (5, [0, 1, 2, 3, 4])
    Path("notes.txt").write_text("before")
    run.save("notes.txt", policy="now")
    Path("notes.txt").write_text("after")
    run.finish()
    assert sync(run.dir)[0].ok
    assert rows(wandb_server) == [0, 1, 2, 3, 4]
    assert wandb_server.run("late").files["notes.txt"] == b"before"


def test_nothing_waits(wandb_server: LocalServer) -> None:
    """While the server has all that was logged, too: the next row is on the disk when its call returns."""
    run = begun(mode="online", flush_interval=3600)
    assert run.flush(PATIENCE).ok
    FOLDER.unlink()
    assert run.flush(PATIENCE).ok
    log(run, 3, 4)
    assert kept() == [3]
    assert run.finish().ok
    assert rows(wandb_server) == [0, 1, 2, 3]


def test_a_later_start_goes_on_there(wandb_server: LocalServer) -> None:
    """With `resume: allow` it finds the directory, whose name is another than that of a run with this id."""
    first = begun(mode="offline")
    FOLDER.unlink()
    first.finish(1)
    again = new_run("p", run_id="late", quiet=True, mode="offline", resume="allow")
    assert again.dir == first.dir
    log(again, 3, 5)
    again.finish()
    assert kept() == [0, 1, 2, 3, 4]
    assert [report.ok for report in sync(FOLDER)] == [True]
    assert rows(wandb_server) == [0, 1, 2, 3, 4]


def test_no_call_tries() -> None:
    """Only rounds and the end do: a disk that hangs holds up no logging call."""
    run = begun(mode="offline", flush_interval=3600)
    FOLDER.unlink()
    log(run, 3, 5)
    assert not FOLDER.exists()
    run.finish()
    assert kept() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("sent", [0, 2])
@pytest.mark.parametrize("ends_away", [False, True])
def test_what_the_server_has_goes_once(sent: int, ends_away: bool, wandb_server: LocalServer) -> None:
    """Rows that were sent from memory are not on the disk; those behind them are, and go to their own places."""
    run, last = begun(mode="online"), 3
    for _ in range(sent):
        assert run.flush(PATIENCE).ok
        log(run, last, last := last + 2)
    run.enable_offline_mode()
    FOLDER.unlink()
    run.flush(PATIENCE)
    log(run, last, last := last + 2)
    assert run.dir is not None
    if not ends_away:
        run.disable_offline_mode()
    run.finish()
    if ends_away:
        assert sync(run.dir)[0].ok
    assert rows(wandb_server) == list(range(last))
    there = wandb_server.run("late")
    assert (there.state, there.summary["x"], run.stats()["dropped"]) == ("finished", last - 1, {})
    assert wandb_server.violations == []


@pytest.mark.parametrize("refused", ["run.json.new", "server.json", "base.json", "journal-0001-0001.jsonl"])
def test_a_disk_that_refuses_one_of_its_files(
    refused: str, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left of the try, and the next one makes all of it."""
    run = begun(mode="online")
    assert run.flush(PATIENCE).ok
    run.enable_offline_mode()
    log(run, 3, 5)
    FOLDER.unlink()
    calls: list[str] = []
    create = safe_files.create

    def refuse(root: Path, name: str, **options: Any) -> int:
        if name.startswith(refused):
            calls.append(name)
            raise OSError(28, os.strerror(28))
        return create(root, name, **options)

    with monkeypatch.context() as patch:
        patch.setattr(safe_files, "create", refuse)
        for _ in range(2):
            run.flush(PATIENCE)
    assert len(calls) == 2
    assert (run.dir, list(FOLDER.glob("p/*"))) == (None, [])
    run.flush(PATIENCE)
    assert kept() == [3, 4]
    run.disable_offline_mode()
    run.finish()
    assert rows(wandb_server) == [0, 1, 2, 3, 4]


KILLED = """
import os, signal, sys
import wandb_logging
from wandb_logging._journal import safe_files
open("wandb_cache", "w").close()
run = wandb_logging.new_run("p", run_id="late", mode="online", flush_interval=3600)
for n in range(3):
    run.log({"x": n})
assert run.flush(60).ok
for n in range(3, 6):
    run.log({"x": n})
os.unlink("wandb_cache")
left = int(sys.argv[1])
def count(name, original):
    def call(*arguments, **options):
        global left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)
    setattr(os, name, call)
for name in ("open", "write", "replace", "rename", "mkdir", "fsync", "link"):
    count(name, getattr(os, name))
run._journal.writer.sync()
print("made", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs SIGKILL")
def test_killed_while_it_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the server has is never sent again, and what it has not never goes in its place."""
    is_made, moment = False, 2
    while not is_made:
        here = tmp_path / str(moment)
        here.mkdir()
        with LocalServer() as server:
            for name, value in server.env().items():
                monkeypatch.setenv(name, value)
            killed = subprocess.run(
                [sys.executable, "-c", KILLED, str(moment)],
                check=False,
                cwd=here,
                stdout=subprocess.PIPE,
                timeout=PATIENCE,
            )
            assert killed.returncode == -signal.SIGKILL
            is_made = b"made" in killed.stdout
            reports = sync(here) if (here / FOLDER).is_dir() else []
            assert all(report.remaining == 0 for report in reports)
            found = rows(server)
            assert found[:3] == [0, 1, 2]
            assert found == list(range(6 if is_made else len(found)))
        moment += 5


def test_a_removed_directory_that_is_half_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no run before it says what the server has: the lines behind that would be sent in its place."""
    run_dir = create_run(tmp_path, RunInfo("r", "p", start=0.0))
    run_dir.save_cursor(Cursor(position(), {"events": 3}))
    shutil.rmtree(run_dir.path)
    with monkeypatch.context() as patch:
        patch.setattr(run_dir, "_save", refused)  # which writes base.json first
        with pytest.raises(OSError, match="full"):
            run_dir.stand_again()
    assert not (run_dir.path / "run.json").exists()
    assert run_dir.stand_again()
    assert run_dir.base.events == 3


def refused(*_: object, **_named: object) -> None:
    raise OSError("full")
