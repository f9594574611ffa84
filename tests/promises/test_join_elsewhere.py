"""`join` where workers do not see the run's directory: they carry their rows to its process, from disks of their own.

In `/proc/self/cwd` each program finds the folder that it was started in. So two programs that were started in different
folders have the same `cache_dir`, and neither sees what the other has there, as on two machines.
"""

from __future__ import annotations

import json
import os
import pickle
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE, wait_until
from wandb_logging import LogError, join, new_run

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging.testing import LocalServer

linux = pytest.mark.skipif(not Path("/proc/self/cwd").exists(), reason="/proc/self/cwd")

RUN = """
import logging, pickle, sys, wandb_logging
log = logging.getLogger()
log.setLevel("INFO")
elsewhere = {"cache_dir": "/proc/self/cwd/wandb_cache", "flush_interval": 0.5, "close_timeout": 300}
log.addHandler(wandb_logging.WandbHandler(project="p", run_id="r", resume="allow", **elsewhere))
log.info("own", extra={"metrics": {"own": 1}})
with open("../join", "wb") as file:
    pickle.dump(wandb_logging.join(*sys.argv[1:]), file)
print("ready", flush=True)
sys.stdin.readline()
"""

WORKER = """
import logging, os, pickle, sys
with open("../join", "rb") as file:
    join = pickle.load(file)
join()
join()  # as each task of an engine may
print("ready", flush=True)
for line in sys.stdin:
    exec(line)
    print("done", flush=True)
"""
ROW = "logging.getLogger('w').info('row', extra={'metrics': {'i': %s}})"


class Program:
    """A program that was started in a folder of its own; each line it gets is a command."""

    def __init__(self, code: str, folder: Path, *arguments: str, env: dict[str, str]) -> None:
        folder.mkdir(exist_ok=True)
        self.folder = folder
        root = str(Path(__file__).parent.parent.parent)
        env = {**os.environ, **env, "PYTHONPATH": os.pathsep.join([root, os.environ.get("PYTHONPATH", "")])}
        pipe = subprocess.PIPE
        command = [sys.executable, "-c", code, *arguments]
        self.process = subprocess.Popen(command, cwd=folder, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True)
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n", self.process.communicate()[1]

    def do(self, *commands: str) -> None:
        """Have it do something, and wait until it is done."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        for command in commands:
            self.process.stdin.write(f"{command}\n")
            self.process.stdin.flush()
            assert self.process.stdout.readline() == "done\n", self.process.communicate()[1]

    def end(self) -> str:
        """Have it end. Returns what it said on stderr."""
        return self.process.communicate(timeout=PATIENCE)[1]

    def kill(self) -> None:
        """End it as a machine that is switched off."""
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)

    @property
    def run_dirs(self) -> list[Path]:
        return [path.parent for path in self.folder.rglob("run.json")]

    def is_carried(self) -> bool:
        """Whether the process of the run has taken all that this worker has written."""
        (own,) = self.run_dirs
        with suppress(OSError, ValueError):
            place = json.loads((own / "base.json").read_text())["position"]["writers"]
            return place == {"1": [1, (own / "journal-0001-0001.jsonl").stat().st_size]}
        return False


class Programs:
    """Starts programs in folders of their own."""

    def __init__(self, folder: Path, server: LocalServer) -> None:
        self._folder = folder
        self._env = server.env()
        self.all: list[Program] = []

    def run(self, *address: str) -> Program:
        """The process of the run, which hands down what `join` makes."""
        return self._start(RUN, "run", *address)

    def worker(self, name: str = "worker") -> Program:
        """A worker that has joined it."""
        return self._start(WORKER, name)

    def sync(self, program: Program) -> None:
        """Send what is on a program's disk, as a person does there."""
        root = str(Path(__file__).parent.parent.parent)
        env = {**os.environ, **self._env, "PYTHONPATH": root}
        subprocess.run(
            [sys.executable, "-m", "wandb_logging", "sync"], cwd=program.folder, env=env, check=True, timeout=PATIENCE
        )

    def _start(self, code: str, name: str, *arguments: str) -> Program:
        self.all.append(program := Program(code, self._folder / name, *arguments, env=self._env))
        return program


@pytest.fixture
def programs(tmp_path: Path, wandb_server: LocalServer) -> Iterator[Programs]:
    """Ends all that were started."""
    started = Programs(tmp_path, wandb_server)
    yield started
    for program in started.all:
        program.process.kill()
        program.process.communicate()


def values(server: LocalServer, label: str = "") -> list[Any]:
    (run,) = server.runs
    return sorted(row[f"i{label}"] for row in run.history if f"i{label}" in row)


@linux
def test_all_is_in_the_run_of_the_process(programs: Programs, wandb_server: LocalServer) -> None:
    """Rows of two workers and a forked child, and a file; then nothing is left on the workers' disks."""
    run, one, two = programs.run("127.0.0.1"), programs.worker("one"), programs.worker("two")
    one.do(*(ROW % number for number in range(10)))
    two.do(*(ROW % number for number in range(10, 20)))
    two.do(f"if not os.fork(): {ROW % 20}; os._exit(0)", "os.wait()")
    one.do("import wandb_logging; open('kept.txt', 'w').write('kept'); wandb_logging.current_run().save('kept.txt')")
    assert "wandb_logging: " not in one.end() + two.end()
    assert [*one.run_dirs, *two.run_dirs] == []
    run.end()
    assert values(wandb_server) == list(range(21))
    (found,) = wandb_server.runs
    assert (found.state, found.exit_code) == ("finished", 0)
    assert found.files["kept.txt"] == b"kept"
    assert not [name for row in found.history for name in row if "/l:" in name]
    assert wandb_server.violations == []


@linux
def test_flush_waits_until_they_are_carried(programs: Programs, wandb_server: LocalServer) -> None:
    """An engine may kill its worker after that: the row is in the run."""
    run, worker = programs.run("127.0.0.1"), programs.worker()
    worker.do(ROW % 1, "logging.getLogger().handlers[0].flush()")
    worker.kill()
    run.end()
    assert values(wandb_server) == [1]


@linux
def test_a_killed_worker_loses_nothing(programs: Programs, wandb_server: LocalServer) -> None:
    """What it had not carried the next worker on its machine carries."""
    run, worker = programs.run("127.0.0.1"), programs.worker()
    worker.do(*(ROW % number for number in range(100)))
    worker.kill()
    other = programs.worker()
    wait_until(lambda: len(other.run_dirs) == 1)  # that of the killed one is gone
    other.end()
    run.end()
    assert values(wandb_server) == list(range(100))


@linux
@pytest.mark.slow
def test_when_the_run_is_gone_the_rows_are_kept(programs: Programs, wandb_server: LocalServer) -> None:
    """The worker works on, and says at its end where they are and how they are sent: into the same run, each once."""
    run, worker = programs.run("127.0.0.1"), programs.worker()
    worker.do(ROW % 1)
    wait_until(worker.is_carried)
    run.kill()
    worker.do(ROW % 2, ROW % 3)
    said = worker.end()
    assert "its process has not taken all that this one, or a child of it, logged" in said
    assert "wandb-logging sync /proc/self/cwd/wandb_cache/p/" in said
    programs.sync(run)
    programs.sync(worker)
    assert values(wandb_server) == [1]
    (found,) = wandb_server.runs
    labels = {name[1:] for row in found.history for name in row if name.startswith("i/l:")}
    assert [values(wandb_server, label) for label in labels] == [[2, 3]]


@linux
def test_a_run_that_is_begun_again_takes_the_rest(programs: Programs, wandb_server: LocalServer) -> None:
    """Its process was killed; workers that are called to join once more go to the new one, with each row once."""
    run, worker = programs.run("127.0.0.1"), programs.worker()
    worker.do(ROW % 1)
    wait_until(worker.is_carried)
    run.kill()
    worker.do(ROW % 2)
    again = programs.run("127.0.0.1")
    worker.do("pickle.load(open('../join', 'rb'))()", ROW % 3)
    wait_until(worker.is_carried)
    worker.end()
    again.end()
    assert values(wandb_server) == [1, 2, 3]
    assert worker.run_dirs == []


@linux
def test_who_has_a_wrong_token_writes_nothing(programs: Programs, wandb_server: LocalServer, tmp_path: Path) -> None:
    """Its rows stay on its own disk."""
    run = programs.run("127.0.0.1")
    made = pickle.loads((tmp_path / "join").read_bytes())
    made._route = type(made._route)(made._route.host, made._route.port, b"guessed")
    (tmp_path / "join").write_bytes(pickle.dumps(made))
    worker = programs.worker()
    worker.do(ROW % 1)
    assert "its process has not taken all" in worker.end()
    run.end()
    assert values(wandb_server) == []
    assert len(worker.run_dirs) == 1


@linux
def test_without_an_address_it_says_so(programs: Programs, wandb_server: LocalServer) -> None:
    """A worker that cannot join says what to do, and works on."""
    run, worker = programs.run(), programs.worker()
    worker.do(ROW % 1)
    assert "For workers on other machines, `join` has the argument `address`" in worker.end()
    run.end()
    assert values(wandb_server) == []


@pytest.mark.parametrize("address", ["", ":80", "a:b", "127.0.0.1:99999", "192.0.2.77", "no.such.host.invalid"])
def test_where_nothing_can_listen_it_is_refused(address: str, tmp_path: Path) -> None:
    """At once, in the program that asks for it."""
    with new_run("p", mode="offline", cache_dir=tmp_path), pytest.raises(LogError, match=r"^join: "):
        join(address)


def test_a_name_that_means_the_machine_itself_is_refused(tmp_path: Path) -> None:
    """Debian gives a machine's own name an address that no other machine reaches."""
    name = socket.gethostname()
    with suppress(OSError):
        if socket.gethostbyname(name).startswith("127."):
            with new_run("p", mode="offline", cache_dir=tmp_path), pytest.raises(LogError, match="no other machine"):
                join(name)
            return
    pytest.skip("this machine's own name has another address")


def test_a_run_listens_once(tmp_path: Path) -> None:
    """However often `join` is called; and what it hands down does not show its token."""
    with new_run("p", mode="offline", cache_dir=tmp_path):
        one, two = join("127.0.0.1"), join("127.0.0.1:0")
        assert one._route == two._route
        assert one._route is not None
        assert repr(one._route.token) not in repr(one._route)
