"""Three hosts write one run on a disk that they share; something happens to one of them; then every row is counted.

Where this may mount (root, with `bindfs` and `unshare`), a host is a process with a host name of its own that sees the
disk through a mount of its own: a file system in user space, whose locks each mount keeps to itself. Then a disk can
also be away, which is unmounted and mounted again, full, which is a small one in memory, or slow, which is a mount that
takes so many bytes a second. Elsewhere hosts are what `tests.hosts` says, and only processes are killed and frozen.

A case is one thing that happened. After it the hosts log for longer than a lease, and end by themselves.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.hosts import PRELUDE, environment
from tests.robustness.ground import Outcome, rows_problems
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent.parent
FULL, QUICK = 20, 1
HOSTS = 3
EACH = 1_000_000  # rows that no host comes to
LEASE = 8.0  # seconds: 2 * (heartbeat_interval + request_timeout)
LONG = 300.0  # seconds in which a host has ended for certain
ANYWHERE = ("kill sender", "freeze sender", "kill another", "freeze another")
WITH_MOUNTS = ("away from sender", "away from another", "cut off from sender", "cut off from another", "full", "slow")

# Logs until it is told to end; a file's size is how many calls had begun, or returned.
WRITER = """
import os, sys, threading, time
from wandb_logging import new_run
number, cache, notes = int(sys.argv[1]), sys.argv[2], sys.argv[3]
begun, returned = (os.open(f"{notes}/{name}-{number}", os.O_WRONLY | os.O_CREAT) for name in ("begun", "returned"))
run = new_run("p", run_id="r", resume="allow", cache_dir=cache, flush_interval=0.5, heartbeat_interval=2,
              request_timeout=2, quiet=True, recover=False, standard_files=False, system_metrics=False,
              close_timeout=60)
over = threading.Event()
threading.Thread(target=lambda: (sys.stdin.readline(), over.set()), daemon=True).start()
print("there", flush=True)
i = 0
while not over.wait(0.02):
    os.write(begun, b".")
    run.log({"n": number * 1_000_000 + i})
    os.write(returned, b".")
    i += 1
os.write(begun, b"")
report = run.finish(0, 60)
print(report.remaining, flush=True)
"""


def study(place: Path, *, full: bool, part: tuple[int, int] = (0, 1)) -> Outcome:
    """Each row whose call had returned is there once, and nobody says that the run ended while a host logs."""
    number, step = part
    outcome = Outcome()
    place.mkdir(parents=True)
    with LocalServer() as server, mock.patch.dict(os.environ, server.env()):
        while number < (FULL if full else QUICK):
            case = Case(number, place / f"case-{number}", server)
            try:
                outcome.check(f"several hosts {number} ({case.what}, {case.locks})", case.problems())
                if case.left:  # a mount shows late, here by a second, what another host wrote
                    outcome.notes.append(f"several hosts {number}: {case.left} rows were left to sync")
            finally:
                case.clear()
            server._store.runs.clear()
            server.violations.clear()
            server.requests.clear()
            number += step
    if not can_mount():
        outcome.notes.append("without mounts: no bindfs or unshare, or not root; no disk was away, full or slow")
    return outcome


def can_mount() -> bool:
    """Whether a host can have a mount and a name of its own here."""
    tools = ("bindfs", "unshare", "umount")
    return os.geteuid() == 0 and os.access("/dev/fuse", os.W_OK) and all(shutil.which(tool) for tool in tools)


class Case:
    """A run of three hosts, and what happens to one of them.

    Attributes:
        what: happens.
        locks: whether they cross from host to host.
    """

    def __init__(self, number: int, place: Path, server: LocalServer) -> None:
        mounts = can_mount()
        kinds = (*ANYWHERE, *WITH_MOUNTS) if mounts else ANYWHERE
        self.what = kinds[number % len(kinds)]
        crossing = number // len(kinds) % 2 == 1 and self.what not in WITH_MOUNTS
        self.locks = "locks that cross" if crossing else "locks that do not"
        self._mounts = mounts and not crossing
        self.left = 0  # rows that the last one left to `sync`
        self._rng = random.Random(f"several hosts {number}")
        self._server = server
        self._place = place
        self._disk = place / "disk"
        self._hosts: dict[int, subprocess.Popen[str]] = {}
        self._servers: list[subprocess.Popen[bytes]] = []
        self._served: dict[int, int] = {}  # process that serves a host's mount
        self._logging = set(range(HOSTS))
        self._early: list[str] = []

    # --- what happens ---

    def problems(self) -> Iterator[str]:
        """Let it happen; what is wrong then."""
        self._disk.mkdir(parents=True)
        if self.what == "full":
            _call("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(self._disk))
        for number in range(HOSTS):
            self._start(number)
        silent = [number for number, host in self._hosts.items() if _line(host) != "there"]
        watch = threading.Thread(target=self._watch, daemon=True)
        watch.start()
        time.sleep(0.5 + self._rng.random())
        gone = self._happen()
        time.sleep(LEASE + 4)
        left = self._end(gone)
        self._logging.clear()
        watch.join(LONG)
        yield from (f"host {number} never began" for number in silent)
        yield from self._early
        if not left.isdecimal():
            yield "the last one never ended"
        elif gone is None:  # else the one that is gone may count as living, and nobody is the last
            self.left = int(left)
        yield from self._of_server(gone)

    def _happen(self) -> int | None:
        """What the case is about; the host that is gone by it."""
        to_sender = self.what.endswith("sender")
        number = self._sender() if to_sender else self._rng.choice([n for n in self._hosts if n != self._sender()])
        if self.what.startswith("kill"):
            self._logging.discard(number)
            os.killpg(self._hosts[number].pid, signal.SIGKILL)
            return number
        if self.what.startswith("freeze"):
            os.killpg(self._hosts[number].pid, signal.SIGSTOP)
            time.sleep(LEASE + 2)
            os.killpg(self._hosts[number].pid, signal.SIGCONT)
        elif self.what.startswith(("away", "cut off")):
            if self.what.startswith("cut off"):  # what is open leads nowhere any more, also when the disk is back
                os.kill(self._served[number], signal.SIGKILL)
                time.sleep(1)
            _unmount(self._seen_by(number))
            time.sleep(LEASE + 2)
            self._mount(number)
        elif self.what == "full":
            with contextlib.suppress(OSError), (self._disk / "filled").open("wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            time.sleep(LEASE + 2)
            (self._disk / "filled").unlink()
        return None

    def _watch(self) -> None:
        """Look whether anybody says that the run has ended while a host logs."""
        while self._logging:
            told = [run.state for run in self._server.runs if run.state not in {"running", "pending"}]
            if told and self._logging:
                self._early.append(f"the run is {told[0]} while {len(self._logging)} hosts log")
                return
            time.sleep(0.05)

    def _end(self, gone: int | None) -> str:
        """Have all that are left end, one after the other; rows that the last one left behind."""
        left = [number for number in self._hosts if number != gone]
        found = ""
        for number in left:
            if number == left[-1]:
                self._logging.clear()
            with contextlib.suppress(OSError):
                _stdin(self._hosts[number]).write("end\n")
                _stdin(self._hosts[number]).flush()
            found = _line(self._hosts[number])
        return found

    # --- hosts ---

    def _start(self, number: int) -> None:
        cache = self._disk / "cache"
        surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", WRITER]
        if self._mounts:
            self._mount(number)
            cache = self._seen_by(number) / "cache"
            command = ["unshare", "--uts", "sh", "-c", f'hostname host{number}; exec "$@"', "sh", *command]
        else:
            surroundings.update(environment(f"host{number}", crossing=self.locks == "locks that cross"))
            command = [sys.executable, "-c", PRELUDE + WRITER]
        self._hosts[number] = subprocess.Popen(
            [*command, str(number), str(cache), str(self._place)],
            env=surroundings,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )

    def _seen_by(self, number: int) -> Path:
        return self._place / f"seen-by-{number}"

    def _mount(self, number: int) -> None:
        self._seen_by(number).mkdir(exist_ok=True)
        slow = ["--write-rate=300"] if self.what == "slow" and number == 1 else []
        command = ["bindfs", "-f", "-o", "auto_unmount", *slow, str(self._disk), str(self._seen_by(number))]
        self._servers.append(subprocess.Popen(command, stderr=subprocess.DEVNULL))
        self._served[number] = self._servers[-1].pid
        until = time.monotonic() + LONG
        while not os.path.ismount(self._seen_by(number)) and time.monotonic() < until:
            time.sleep(0.02)

    def _sender(self) -> int:
        """Which host sends, when one does."""
        until = time.monotonic() + LONG
        while time.monotonic() < until:
            with contextlib.suppress(OSError, ValueError, StopIteration):
                said = json.loads(next(self._disk.glob("cache/p/*/upload.lock")).read_text())
                # `unshare` and `sh` become the program: the process is the one that was started.
                found = [number for number, host in self._hosts.items() if host.pid == said["pid"]]
                if found:
                    return found[0]
            time.sleep(0.02)
        raise AssertionError("nobody sends")

    def clear(self) -> None:
        """End what was started, and unmount what was mounted."""
        self._logging.clear()
        for host in self._hosts.values():
            with contextlib.suppress(ProcessLookupError):
                os.killpg(host.pid, signal.SIGKILL)
            with host:
                pass
        for seen in (*map(self._seen_by, range(HOSTS)), self._disk):
            _unmount(seen)
        for process in self._servers:
            process.kill()
            process.wait()

    # --- what came of it ---

    def _of_server(self, gone: int | None) -> Iterator[str]:
        """What the server has."""
        if gone is not None:  # what its process left is sent by `sync` when its lease is over
            time.sleep(LEASE)
        reports = sync(self._disk / "cache")
        if len(reports) != 1 or len(self._server.runs) != 1:
            yield f"{len(reports)} directories and {len(self._server.runs)} runs"
        found = [line["n"] for run in self._server.runs for line in run.history]
        begun, returned = ([*self._rows(name)] for name in ("begun", "returned"))
        yield from rows_problems(found, returned, begun)
        yield from map(str, self._server.violations)
        for run in self._server.runs:
            if run.state not in {"finished", "failed"}:
                yield f"the run is {run.state}"
            elif gone is None and run.exit_code:
                yield f"nobody was killed, and its exit code is {run.exit_code}"

    def _rows(self, name: str) -> Iterator[int]:
        for number in range(HOSTS):
            file = self._place / f"{name}-{number}"
            yield from range(number * EACH, number * EACH + (file.stat().st_size if file.exists() else 0))


def _unmount(path: Path) -> None:
    """Take a mount away, whoever uses it."""
    subprocess.run(["umount", "-l", path], check=False, capture_output=True)


def _call(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


def _stdin(process: subprocess.Popen[str]) -> Any:
    assert process.stdin is not None
    return process.stdin


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()
