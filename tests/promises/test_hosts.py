"""Several hosts that write one run on a disk they share, whose locks need not be seen from host to host."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests import hosts
from tests.commanded import WRITER, Commanded, all_of, leave_none, rows
from tests.patience import PATIENCE, wait_until
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._sending.sync import sync

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import LocalServer

pytestmark = hosts.linux

LEASE = 6.0  # seconds, of 2 * (heartbeat_interval + request_timeout)

SETTINGS = {
    "heartbeat_interval": 2,
    "request_timeout": 1,
    "flush_interval": 0.3,
    "standard_files": False,
    "recover": False,
}


class Writer(Commanded):
    """A process on a host, that writes the run."""

    def __init__(self, server: LocalServer, number: int, **of_host: Any) -> None:
        surroundings = {**os.environ, **server.env(), **hosts.environment(f"host{number}", **of_host)}
        super().__init__(hosts.start(WRITER, str(number), json.dumps(SETTINGS), environment=surroundings))


@pytest.fixture
def writers() -> Iterator[list[Writer]]:
    """Those that are started in a test; none is left behind."""
    started: list[Writer] = []
    yield started
    leave_none(started)


def start(writers: list[Writer], server: LocalServer, count: int, **of_host: Any) -> list[Writer]:
    """As many more hosts, each with a process there that has begun."""
    new = [Writer(server, len(writers) + number, **of_host) for number in range(count)]
    writers += new
    assert [writer.answer() for writer in new] == ["there"] * count
    return new


def sender(of: list[Writer]) -> Writer:
    """Which of them sends."""
    (run_dir,) = find_runs(Path("wandb_cache"))
    said = re.search(r'"pid": ?(\d+)', (run_dir.path / "upload.lock").read_text())
    assert said is not None
    return next(writer for writer in of if writer.process.pid == int(said[1]))


@pytest.mark.parametrize("crossing", [True, False], ids=["locks that cross", "locks that do not"])
def test_three_hosts_write_one_run(wandb_server: LocalServer, writers: list[Writer], crossing: bool) -> None:
    """All begin at once; one directory, one sender, every row once, and the end is the last one's."""
    all_three = [Writer(wandb_server, number, crossing=crossing, hours=number - 1) for number in range(3)]
    writers += all_three
    assert [writer.answer() for writer in all_three] == ["there"] * 3
    for begin in (0, 50):
        for writer in all_three:
            writer.tell(f"log {begin} {begin + 50}")
        assert [writer.answer() for writer in all_three] == ["logged"] * 3
    assert all_three[0].ask("flush").endswith(" 0 True")
    assert [run.state for run in wandb_server.runs] == ["running"]
    ends = [writer.ask(f"finish {code}") for writer, code in zip(all_three, (0, 3, 0))]
    assert ends[2] == "300 0 True 3"
    (run,) = wandb_server.runs
    assert rows(run) == all_of(100, 100, 100)
    assert (run.state, run.exit_code) == ("failed", 3)
    assert wandb_server.violations == []
    assert len(find_runs(Path("wandb_cache"))) == 1


@pytest.mark.slow  # a lease has to run out
def test_the_host_that_sends_is_gone(wandb_server: LocalServer, writers: list[Writer]) -> None:
    """Another host sends on when the lease is over; until then nobody says that the run has ended."""
    all_three = start(writers, wandb_server, 3)
    for writer in all_three:
        writer.ask("log 0 50")
    wait_until(lambda: wandb_server.runs and rows(wandb_server.runs[0]) == all_of(50, 50, 50))
    gone = sender(all_three)
    gone.ask("log 50 60")
    gone.process.kill()
    left = [writer for writer in all_three if writer is not gone]
    for writer in left:
        writer.ask("log 50 60")
    (run,) = wandb_server.runs
    (run_dir,) = find_runs(Path("wandb_cache"))
    wait_until(lambda: len(rows(run)) >= 180)
    assert run.state == "running"
    wait_until(lambda: len(run_dir.members()) == 2)  # what it wrote last was a sign of life, too
    for writer in left:
        writer.ask("finish 0")
    assert rows(run) == all_of(60, 60, 60)
    assert (run.state, run.exit_code) == ("failed", 1)  # of the one that is gone without a word
    assert wandb_server.violations == []


@pytest.mark.slow  # a lease has to run out
def test_a_sender_that_was_frozen(wandb_server: LocalServer, writers: list[Writer]) -> None:
    """While it cannot be heard of, another host takes the sending over; when it is back, it leaves it to that one."""
    both = start(writers, wandb_server, 2)
    for writer in both:
        writer.ask("log 0 50")
    wait_until(lambda: wandb_server.runs and rows(wandb_server.runs[0]) == all_of(50, 50))
    frozen = sender(both)
    (other,) = [writer for writer in both if writer is not frozen]
    frozen.process.send_signal(signal.SIGSTOP)
    other.ask("log 50 80")
    (run,) = wandb_server.runs
    wait_until(lambda: len(rows(run)) == 130)
    frozen.process.send_signal(signal.SIGCONT)
    frozen.ask("log 50 80")
    assert frozen.ask("flush").endswith(" 0 True")
    assert sender(both) is other
    frozen.ask("finish 0")
    assert run.state == "running"
    assert other.ask("finish 0") == "160 0 True 0"
    assert rows(run) == all_of(80, 80)
    assert wandb_server.violations == []


SYNC = """
import sys
from pathlib import Path
from wandb_logging._journal.cache_folder import remove_run
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._sending.sync import sync
from wandb_logging._sending.sync import sync
for report in sync(Path("wandb_cache")):
    print(report.finished, report.sender)
(run_dir,) = find_runs(Path("wandb_cache"))
print(run_dir.alive(), run_dir.dead())
try:
    remove_run(run_dir)
except Exception as exc:
    print(exc)
"""


def test_sync_on_another_host(wandb_server: LocalServer, writers: list[Writer]) -> None:
    """It leaves the run of a process that lives to that, and does not end or remove it, though it sees no lock."""
    (writer,) = start(writers, wandb_server, 1)
    writer.ask("log 0 5")
    environment = {**os.environ, **wandb_server.env(), **hosts.environment("login")}
    command = [sys.executable, "-c", hosts.PRELUDE + SYNC]
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE)
    told = said.stdout.splitlines()
    assert told[0] == f"False pid {writer.process.pid} on host0", said.stderr
    assert told[1] == "True False"
    assert "is being uploaded by" in told[2]
    assert writer.ask("finish 0") == "5 0 True 0"
    assert wandb_server.runs[0].state == "finished"


# Ends by a signal, or by itself within two seconds. No lease is over before the test is.
BRIEF = """
import sys, time
from wandb_logging import new_run
settings = {"heartbeat_interval": 10_000, "flush_interval": 0.3, "standard_files": False, "recover": False}
run = new_run("p", run_id="many", resume="allow", **settings)
run.log({"i": int(sys.argv[1])})
if sys.argv[2] == "wait":
    run.flush(200)
    print("there", flush=True)
    time.sleep(1000)
report = run.finish(0, 2 if sys.argv[2] == "soon" else 200)
print(report.rows, report.remaining, report.finished, flush=True)
"""


def brief(server: LocalServer, host: str, *arguments: str, url: str | None = None) -> subprocess.Popen[str]:
    """Start such a program on a host."""
    surroundings = {**os.environ, **server.env(), **hosts.environment(host)}
    return hosts.start(BRIEF, *arguments, environment={**surroundings, **({"WANDB_BASE_URL": url} if url else {})})


def test_a_host_that_is_ended_by_a_signal_is_not_waited_for(wandb_server: LocalServer) -> None:
    """A job that is requeued on another host goes on with the run and sends at once, though it sees no lock."""
    with brief(wandb_server, "node1", "0", "wait") as first:
        assert first.stdout is not None
        assert first.stdout.readline() == "there\n"
        first.terminate()
        assert first.wait(PATIENCE) == -signal.SIGTERM
    (run,) = wandb_server.runs
    assert (run.state, run.exit_code) == ("failed", 143)
    said, _ = brief(wandb_server, "node2", "1", "end").communicate(timeout=PATIENCE)
    assert said == "2 0 True\n"
    assert ([row["i"] for row in run.history], run.state) == ([0, 1], "finished")


def test_a_host_that_ends_without_an_answer_is_not_waited_for(wandb_server: LocalServer) -> None:
    """What it could not send, because the server says nothing, `sync` on another host sends right afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        said, _ = brief(wandb_server, "node1", "0", "soon", url=url).communicate(timeout=PATIENCE)
    assert said == "0 2 False\n"
    (report,) = sync(Path("wandb_cache"), host=wandb_server.url)
    assert (report.rows, report.remaining, report.finished, report.sender) == (1, 0, True, None)
