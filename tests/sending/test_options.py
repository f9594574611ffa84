"""Promises of the send options: however a run gets to the server, it is sent as its settings say."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, strategies as st

from tests.runs import SENT_SO, bodies, drain, make_run, row
from wandb_logging import Settings, new_run, sync
from wandb_logging._errors import JournalCorrupt
from wandb_logging._events.send_options import SendOptions, problem
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.options import options_of

if TYPE_CHECKING:
    from wandb_logging import Run
    from wandb_logging.testing import LocalServer

ROOT = Path(__file__).parents[2]
HOW: dict[str, Any] = {"batch_size": 40, "gzip": False}  # 400 rows are 10 requests: W&B takes so many at once

DIES = """
import os, signal
from wandb_logging import new_run
run = new_run("p", run_id="dead", mode="online", flush_interval=3600, quiet=True, batch_size=40, gzip=False)
run.flush()
for number in range(400):
    run.log({"n": number})
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture(autouse=True)
def takes_gzip(wandb_server: LocalServer) -> None:
    """A server that offers to take compressed requests."""
    wandb_server.features.add("FILESTREAM_GZIP")


def log_400(run: Run) -> None:
    for number in range(400):
        run.log({"n": number})


class TestOneWay:
    """The same 400 rows, forty a request and not compressed."""

    @pytest.mark.not_quick
    def test_online(self, wandb_server: LocalServer) -> None:
        """By the run itself."""
        run = new_run("p", run_id="r", mode="online", quiet=True, **HOW)
        log_400(run)
        assert run.finish(timeout=300).ok
        self.is_so(wandb_server, "r")

    @pytest.mark.not_quick
    def test_offline_and_sync(self, wandb_server: LocalServer) -> None:
        """By a later `sync`, whose own settings are others."""
        run = new_run("p", run_id="r", mode="offline", quiet=True, **HOW)
        log_400(run)
        run.finish()
        assert sync()[0].ok
        self.is_so(wandb_server, "r")

    @pytest.mark.not_quick
    @pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
    def test_recovered(self, wandb_server: LocalServer) -> None:
        """By another run that lives, and is sent in another way."""
        done = subprocess.run([sys.executable, "-c", DIES], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
        assert done.returncode < 0
        run = new_run("p", mode="online", quiet=True, flush_interval=0.02)
        run.log({"own": 1})
        wandb_server.wait_for(lambda: wandb_server.run("dead").state == "failed", 300)
        run.finish()
        self.is_so(wandb_server, "dead")

    def is_so(self, server: LocalServer, run_id: str) -> None:
        sent = bodies(server, run_id)
        assert sum(rows for rows, _ in sent) == 400
        assert max(rows for rows, _ in sent) <= 40
        assert not any(compressed for _, compressed in sent)


@pytest.mark.slow
def test_a_later_process_of_the_run_says_how(wandb_server: LocalServer) -> None:
    """Who goes on with a run says how it is sent from then on, also by a `sync` after it."""
    for how in ({}, HOW):
        run = new_run("p", run_id="r", mode="offline", resume="allow", quiet=True, **how)
        log_400(run)
        run.finish()
    assert sync()[0].ok
    assert max(rows for rows, _ in bodies(wandb_server, "r")) <= 40


def test_a_run_of_a_version_that_kept_none(tmp_path: Path, wandb_server: LocalServer) -> None:
    """It is sent as the settings of who sends it say."""
    run_dir = make_run(tmp_path, [row(number) for number in range(30)])
    assert run_dir.info.send is None
    assert sync(tmp_path)[0].ok
    assert bodies(wandb_server, run_dir.info.id) == [(30, True)]


def test_settings_make_them() -> None:
    """Each option is a setting; as JSON it comes back the same."""
    settings = Settings.of(
        {
            "project": "p",
            "batch_size": 7,
            "batch_bytes": 2048,
            "gzip": False,
            "fsync": "never",
            "heartbeat_interval": 9,
            "request_timeout": 4,
        }
    )
    options = SendOptions(7, 2048, gzip=False, durable=False, heartbeat=9.0, timeout=4.0)
    assert options_of(settings) == options
    kept = json.loads(json.dumps(options.to_json()))
    assert problem(kept) is None
    assert SendOptions.from_json(kept) == options
    assert SendOptions.from_json({**kept, "new": 1}) == options


NAMES = [item.name for item in dataclasses.fields(SendOptions)]


@given(st.sampled_from(NAMES), st.sampled_from([None, "1", [], {}, 0, -1, float("nan"), float("inf"), -(10**400), ...]))
def test_wrong_ones_are_refused(tmp_path_factory: pytest.TempPathFactory, name: str, value: Any) -> None:
    """What is no such option in run.json is said by name: nothing is sent in a way that nobody asked for."""
    kept = SENT_SO.to_json()
    kept[name] = value
    if value is ...:
        del kept[name]
    run_dir = make_run(tmp_path_factory.mktemp("runs"))
    run_json = run_dir.path / "run.json"
    run_json.write_text(json.dumps({**run_dir.info.to_json(), "send": kept}))
    with pytest.raises(JournalCorrupt, match=rf"run\.json has send\.{name} .*, expected "):
        _ = run_dir.info


def test_a_whole_directory_is_read(tmp_path: Path, wandb_server: LocalServer) -> None:
    """What a run keeps of them does not stand in the way of anything else."""
    run_dir = make_run(tmp_path, [row(0)], send=SENT_SO.to_json())
    assert drain(RunDir(run_dir.path), wandb_server).report(0).ok
