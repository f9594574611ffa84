"""Three hosts, each with a network, mounts and processes of its own, that write one run: on one disk and on their own.

Each case starts one program on each host, as torchrun does it there, and compares what the server has with what the
program logged. The hosts end one after the other.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from unittest import mock

from tests.launchers.jobs import numbers
from tests.namespaces import Gate, Host
from wandb_logging._sending.sync import sync
from wandb_logging.testing import LocalServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PROGRAM = Path(__file__).parent / "programs" / "job.py"
HOSTS = 3
ROWS = 100
LONG = 240.0  # seconds in which a host has ended for certain


class Case(NamedTuple):
    """Three hosts.

    Attributes:
        name: as people call it.
        settings: variables of the program.
        apart: whether locks hold on one host alone.
        own: whether each host has a disk of its own.
        names: the hosts' names.
        happens: what is done to the hosts while they log, given these.
    """

    name: str
    settings: dict[str, str]
    apart: bool = False
    own: bool = False
    names: tuple[str, ...] = ("node1", "node2", "node3")
    happens: Callable[[list[Host]], None] | None = None


def _no_network(hosts: list[Host]) -> None:
    """For some seconds none reaches the server."""
    _wait_for_rows(hosts)
    for state in ("down", "up"):
        for host in hosts:
            host.network(state)
        time.sleep(3)


def _none_for_the_first(hosts: list[Host]) -> None:
    """Rank 0 loses the network for good."""
    _wait_for_rows(hosts[:1])
    hosts[0].network("down")


def _no_disk(hosts: list[Host]) -> None:
    """For a minute the disk answers none of them, as a server that is away on a hard mount."""
    _wait_for_rows(hosts)
    for state in ("stall", "answer"):
        for host in hosts:
            host.disk(state)
        if state == "stall":
            time.sleep(MINUTE)


def _no_disk_and_off(hosts: list[Host]) -> None:
    """For a minute it does not answer the host that sends; then the power of that host is cut."""
    _wait_for_rows(hosts)
    (file,) = (hosts[0].work.parent / "disk-0").rglob("upload.lock")
    sender = json.loads(file.read_text())["host"]
    (host,) = [host for host in hosts if host.name == sender]
    host.disk("stall")
    time.sleep(MINUTE)
    host.kill()


def _wait_for_rows(hosts: list[Host]) -> None:
    until = time.monotonic() + LONG
    while not all(map(_logged, hosts)) and time.monotonic() < until:
        time.sleep(0.02)


def _logged(host: Host) -> int:
    """How many calls have returned on a host."""
    return sum(file.stat().st_size for file in host.work.glob("returned-*"))


ALL = {"TRY_RANKS": "all"}
MINUTE = 60.0
SHARED = {"WANDB_MODE": "shared", "WANDB_RUN_ID": "one"}
CASES = [
    Case("one disk, locks that cross", ALL),
    Case("one disk, locks that do not cross", ALL, apart=True),
    Case("the same, no network for 3 s", ALL, apart=True, happens=_no_network),
    Case("the same, none for rank 0, `sync` later", ALL, apart=True, happens=_none_for_the_first),
    Case("the same, one name for all hosts", ALL, apart=True, names=("node",) * 3),
    Case("the same, no disk for 60 s", ALL, apart=True, happens=_no_disk),
    Case("the same, no disk for the sender, then off; `sync` later", ALL, apart=True, happens=_no_disk_and_off),
    Case("own disks, shared mode", SHARED, own=True),
    Case("the same, no network for 3 s", SHARED, own=True, happens=_no_network),
    Case("the same, none for rank 0, `sync` later", SHARED, own=True, happens=_none_for_the_first),
]


def tried(case: Case, folder: Path) -> tuple[bool, str]:
    """Let a case happen; whether all is as it should be, and what came of it in words."""
    early: list[str] = []
    with LocalServer() as server:
        gate = Gate(folder / "gate", int(server.url.rpartition(":")[2]))
        place = folder / "disk"
        place.mkdir()
        hosts = [Host(name, folder / f"host-{number}", gate) for number, name in enumerate(case.names)]
        disks = [folder / f"disk-{number if case.own else 0}" for number in range(HOSTS)]
        try:
            for number, (host, disk) in enumerate(zip(hosts, disks)):
                disk.mkdir(exist_ok=True)
                last = HOSTS - number if case.own else number + 1  # a primary client has to end last
                program = [sys.executable, str(PROGRAM), str(ROWS), str(0.04 * last)]
                host.run(program, disk, place, _variables(case, number, place, server), apart=case.apart)
            if case.happens is not None:
                case.happens(hosts)
            codes = [*_ended(hosts, server, early)]
        finally:
            for host in hosts:
                host.kill()
            gate.close()
        with mock.patch.dict(os.environ, server.env()):
            for disk in set(disks):
                _sync(disk)
        logged = [_logged(host) for host in hosts]
        wrong = [*early, *problems(server, codes, logged)]
        for what in wrong:
            sys.stderr.write(f"{case.name}: {what}\n")
        if wrong:
            sys.stderr.writelines((host.work / "errors").read_text()[-2000:] for host in hosts)
        found = [pair for run in server.runs for pair in numbers(run)]
        states = "/".join(sorted({run.state for run in server.runs}))
        texts = [
            str(len(server.runs)),
            f"{len(set(found))} of {sum(logged)}",
            str(len(found) - len(set(found))),
            states,
        ]
        return not wrong, " | ".join(texts) + (": NOT AS IT SHOULD" if wrong else "")


def _variables(case: Case, number: int, place: Path, server: LocalServer) -> dict[str, str]:
    """What torchrun sets on one of three hosts, and what a person does."""
    torchrun: dict[str, object] = {
        "RANK": number,
        "WORLD_SIZE": HOSTS,
        "LOCAL_RANK": 0,
        "LOCAL_WORLD_SIZE": 1,
        "GROUP_RANK": number,
    }
    torchrun.update({"GROUP_WORLD_SIZE": HOSTS, "TORCHELASTIC_RUN_ID": "job-7", "TORCHELASTIC_RESTART_COUNT": 0})
    paths = {"PYTHONPATH": os.pathsep.join(sys.path), "WANDB_DIR": str(place)}
    return {**os.environ, **server.env(), **paths, **case.settings, **{k: str(v) for k, v in torchrun.items()}}


def _ended(hosts: list[Host], server: LocalServer, early: list[str]) -> Iterator[int | None]:
    """The exit codes of all; nobody says that the run has ended while one of them logs."""
    until = time.monotonic() + LONG
    while time.monotonic() < until:
        states = {run.state for run in server.runs} - {"running", "pending"}
        logging = [host for host in hosts if _logged(host) < ROWS and _is_on(host)]
        if states and logging:
            early.append(f"the run is {states} while {len(logging)} hosts log")
        if not any(map(_is_on, hosts)):
            break
        time.sleep(0.05)
    for host in hosts:
        assert host.process is not None
        yield host.process.poll()


def _is_on(host: Host) -> bool:
    return host.process is not None and host.process.poll() is None


def _sync(disk: Path) -> None:
    """Send what is left. A run that a host may still send is tried again when `sync` says."""
    for report in sync(disk):
        if report.retry_in is not None:
            time.sleep(report.retry_in + 1)
            sync(disk)


def problems(server: LocalServer, codes: list[int | None], logged: list[int]) -> Iterator[str]:
    """What is not as it should be, given the hosts' exit codes and how many calls returned on each."""
    off = [number for number, code in enumerate(codes) if code == -signal.SIGKILL]
    if {code for code in codes if code != -signal.SIGKILL} - {0}:
        yield f"exit codes {codes}"
    if len(server.runs) != 1:
        yield f"{len(server.runs)} runs"
    whole = [ROWS] * (HOSTS - len(off))
    for run in server.runs:
        found = Counter(numbers(run))
        wanted = Counter((str(rank), i) for rank in range(HOSTS) for i in range(logged[rank]))
        maybe = Counter((str(rank), logged[rank]) for rank in off)  # its call was interrupted
        if wanted - found or found - wanted - maybe or [logged[n] for n in range(HOSTS) if n not in off] != whole:
            yield f"rows missing {wanted - found}, too many {found - wanted}, logged {logged}"
        if (run.state, run.exit_code) != (("failed", 1) if off else ("finished", 0)):
            yield f"the run is {run.state}, exit code {run.exit_code}"
    yield from map(str, server.violations)
