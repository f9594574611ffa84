"""Promises of `recover`: the next run finishes what dead processes left, after its own rows, and nothing else."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.runs import START, drain, make_run, numbers, row
from wandb_logging import Run, new_run, sync
from wandb_logging._journal import locks
from wandb_logging._journal.cursor import Cursor
from wandb_logging._sending import recover

if TYPE_CHECKING:
    from wandb_logging._journal.rundir import RunDir
    from wandb_logging.testing import LocalServer

ROOT = Path(__file__).parents[2]

DIES = """
import os, signal
from wandb_logging import new_run
run = new_run("p", run_id="dead", mode="online", flush_interval=3600, quiet=True)
run.flush()
for number in range(50):
    run.log({"n": number})
os.kill(os.getpid(), signal.SIGKILL)
"""


# Forks while the thread beside it is in the middle of its one import.
MEETS_RULES = """
import os, signal, sys, threading
from wandb_logging import new_run
begun, forking = threading.Event(), threading.Event()
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "wandb_logging._mining.pairs":
            begun.set()
            forking.wait()
sys.meta_path.insert(0, Watch())
os.register_at_fork(before=forking.set)
run = new_run("p", mode="online", flush_interval=0.02, quiet=True)
print("wandb_logging._mining.ruleset" in sys.modules)
run.log({"own": 1})
begun.wait()
child = os.fork()
if not child:
    signal.alarm(30)
    from wandb_logging._mining.ruleset import RuleSet
    os._exit(0)
print(os.waitpid(child, 0)[1])
sys.stdin.read()
run.finish()
"""


def living(**settings: Any) -> Run:
    """A run that has a row of its own, and makes rounds."""
    run = new_run("p", **{"mode": "online", "flush_interval": 0.02, **settings})
    run.log({"own": 1})
    return run


def left(server: LocalServer, events: list[dict[str, Any]] | None = None, **info: Any) -> RunDir:
    """What a dead process of this machine left, that was online."""
    same = {"host": server.url, "host_name": socket.gethostname(), "entity": None, "mode": "online"}
    return make_run(Path("wandb_cache"), [row(0), row(1)] if events is None else events, **{**same, **info})


def test_an_earlier_attempt_stays_out_of_a_living_run(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """A job that was killed and begins again with its run id: only the second attempt's rows go, and it is said."""
    dead = left(wandb_server, [row(100), row(101)], id="job4711")
    run = living(run_id="job4711")
    wandb_server.wait_for(lambda: "an earlier attempt" in caplog.text, PATIENCE)
    assert run.finish(timeout=PATIENCE).ok
    assert [line.get("n") for line in wandb_server.run("job4711").history] == [None]
    assert dead.cursor == Cursor()
    assert "--as-new" in caplog.text


@pytest.mark.not_quick
@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork")
def test_rules_of_another_program_are_imported_when_a_run_has_them(wandb_server: LocalServer) -> None:
    """What was left with rules is finished by them, also where the living run has none; forks wait for the import."""
    text = {"t": START, "text": "loss 0.5\n"}
    left(wandb_server, [text], id="dead", text_metrics={"rules": [{"line": "loss {loss}"}]})
    command = [sys.executable, "-c", MEETS_RULES]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        wandb_server.wait_for(lambda: wandb_server.run("dead").state == "failed", PATIENCE)
        said, _ = program.communicate(timeout=PATIENCE)
    assert said.split() == ["False", "0"]
    assert [line["loss"] for line in wandb_server.run("dead").history] == [0.5]


@pytest.mark.not_quick
@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
def test_a_killed_run_is_finished_by_the_next(wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """All its rows arrive, as failed with exit code 1; one line says so, and the run that did it has its own rows."""
    done = subprocess.run([sys.executable, "-c", DIES], env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)
    assert done.returncode < 0
    run = living()
    wandb_server.wait_for(lambda: wandb_server.run("dead").state == "failed")
    run.finish()
    assert numbers(wandb_server, "dead") == list(range(50))
    assert wandb_server.run("dead").exit_code == 1
    said = [text for text in caplog.messages if "whose process died" in text]
    assert said == [f"run dead, whose process died, is finished: {wandb_server.url}/local-team/p/runs/dead"]
    assert wandb_server.violations == []


def test_of_a_run_of_many_clients_only_the_primary_one_stays_out(
    wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """What another left is sent beside the living one, as a client of its own; the primary one would end the run."""
    left(wandb_server, id="job", client_label="node1", writer_id="one")
    left(wandb_server, [row(100)], id="job", client_label="", writer_id="zero")
    run = living(run_id="job", transport="shared", label="node2")
    wandb_server.wait_for(lambda: "it would end that" in caplog.text, PATIENCE)
    wandb_server.wait_for(lambda: "one" in wandb_server.run("job").clients, PATIENCE)
    assert wandb_server.run("job").state == "running"
    wandb_server.wait_for(lambda: "whose process died, has all that node1 logged: " in caplog.text, PATIENCE)
    run.finish()
    stored = wandb_server.run("job")
    assert [row.get("n") for row in stored.history if "n" in row] == [0, 1]
    assert stored.state == "running"  # whose primary one is dead
    (report,) = [report for report in sync("wandb_cache") if report.rows == 1 and report.exit_code == 1]
    assert (report.error, wandb_server.run("job").state, wandb_server.violations) == (None, "failed", [])


def test_own_rows_go_first(wandb_server: LocalServer) -> None:
    """The dead run is not touched before the server has what the living one logged first."""
    left(wandb_server, id="dead")
    run = living()
    wandb_server.wait_for(lambda: wandb_server.run("dead").state == "failed")
    run.finish()
    assert [stored.id for stored in wandb_server.runs] == [run.id, "dead"]


def test_a_run_that_had_ended_keeps_its_end(wandb_server: LocalServer) -> None:
    """One whose program ended without a network is finished as it ended."""
    dead = left(wandb_server, [row(0), {"exit": 3, "t": START + 1}], id="ended")
    run = living()
    wandb_server.wait_for(lambda: wandb_server.run("ended").exit_code == 3)
    run.finish()
    assert dead.cursor.complete


@pytest.mark.not_quick
def test_what_is_left_alone(wandb_server: LocalServer) -> None:
    """Offline runs, those of other machines, hosts and entities, those that live, that another has, or are through."""
    left(wandb_server, id="offline", mode="offline")
    left(wandb_server, id="elsewhere", host_name="node17")
    left(wandb_server, id="other-host", host="http://127.0.0.1:9")
    left(wandb_server, id="other-entity", entity="somebody")
    alive = left(wandb_server, id="alive").writer()
    taken = left(wandb_server, id="taken")
    drain(left(wandb_server, id="through"), wandb_server)
    (left(wandb_server, id="broken").path / "run.json").write_text('{"format": 1}')
    left(wandb_server, id="last", start=START + 100)
    with taken.uploading():
        run = living()
        wandb_server.wait_for(lambda: wandb_server.run("last").state == "failed")
        run.finish()
    alive.close()
    assert [stored.id for stored in wandb_server.runs] == ["through", run.id, "last"]


def test_it_can_be_turned_off(wandb_server: LocalServer) -> None:
    """With `recover: false` nothing but the run itself is sent; an offline run sends nothing anyway."""
    dead = left(wandb_server)
    for settings in ({"recover": False}, {"mode": "offline"}):
        run = living(**settings)
        for number in range(3):
            run.log({"own": number})
            run.flush()
        run.finish()
    assert dead.cursor == Cursor()
    assert len(wandb_server.runs) == 1


def test_too_much_is_not_sent_unasked(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A run of more than a gigabyte waits, and one line says for what."""
    monkeypatch.setattr(recover, "MOST_BYTES", 1000)
    large = left(wandb_server, [row(number) for number in range(100)], id="large")
    left(wandb_server, id="last", start=START + 100)
    run = living()
    wandb_server.wait_for(lambda: wandb_server.run("last").state == "failed")
    run.finish()
    assert large.cursor == Cursor()
    assert sum(f"wandb-logging sync {large.path.absolute()}" in text for text in caplog.messages) == 1


@pytest.mark.slow
def test_who_asks_for_own_rows_does_not_wait(wandb_server: LocalServer) -> None:
    """A dead run that takes its time gives way, and is finished later, by whoever comes next."""
    left(wandb_server, [row(number) for number in range(60_000)], id="long")
    run = living(batch_bytes=1024)
    wandb_server.wait_for(lambda: bool(wandb_server.run("long").history))
    run.log({"own": 2})
    assert run.flush(PATIENCE).remaining == 0
    run.finish()
    another = living()
    wandb_server.wait_for(lambda: wandb_server.run("long").state == "failed")
    another.finish()
    assert numbers(wandb_server, "long") == list(range(60_000))
    assert wandb_server.violations == []


@pytest.mark.slow
def test_a_server_that_goes_away(wandb_server: LocalServer) -> None:
    """The dead run waits with the living one, and is finished when the server is back."""
    left(wandb_server, id="dead")
    run = living()
    wandb_server.wait_for(lambda: bool(wandb_server.run(run.id).history))
    wandb_server.fail_next(2, status=503, retry_after=0.01)
    wandb_server.wait_for(lambda: wandb_server.run("dead").state == "failed")
    run.finish()
    assert numbers(wandb_server, "dead") == [0, 1]


@pytest.mark.not_quick
def test_several_living_runs_share_the_work(wandb_server: LocalServer) -> None:
    """Of several living runs one takes each dead one: nothing is sent twice."""
    for number in range(6):
        left(wandb_server, id=f"dead{number}", start=START + number)
    runs = [living() for _ in range(3)]
    wandb_server.wait_for(lambda: all(wandb_server.run(f"dead{number}").state == "failed" for number in range(6)))
    for run in runs:
        run.finish()
    assert [numbers(wandb_server, f"dead{number}") for number in range(6)] == [[0, 1]] * 6
    assert wandb_server.violations == []


def test_where_nothing_can_be_locked_nobody_is_known_to_be_dead(
    wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a file system without locks the run of another process may live: it is left alone."""
    other = left(wandb_server)
    note = json.loads((other.path / "journal-0001.lock").read_text())
    assert note.pop("ended")
    (other.path / "journal-0001.lock").write_text(json.dumps(note))  # it was killed, and did not say that it ended
    assert recover.is_left(other, other.info)

    def refuse(_fd: int) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(locks, "_lock", refuse)
    assert not recover.is_left(other, other.info)
