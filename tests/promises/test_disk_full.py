"""The disk fills up while a run goes on and the network is fine: what the disk refuses is sent from memory."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import Run, new_run, sync
from wandb_logging._journal import door
from wandb_logging.testing import LocalServer


class Disk:
    """A disk that can be full: it takes `room` more bytes of the journal and no new file. `room` None takes all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self._write, self._create = os.write, door.create
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(door, "create", self.create)

    def write(self, fd: int, data: bytes) -> int:
        if self.room is None or not str(Path(f"/proc/self/fd/{fd}").readlink()).endswith(".jsonl"):
            return self._write(fd, data)
        data = data[: self.room]
        self.room -= len(data)
        return self._write(fd, data) if data else self.refuse()

    def create(self, root: Path, name: str, **options: Any) -> int:
        return self._create(root, name, **options) if self.room is None else self.refuse()

    @staticmethod
    def refuse() -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


pytestmark = pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="needs /proc")


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


def begun(**settings: Any) -> Run:
    """An online run whose first five rows are on the server."""
    run = new_run("p", mode="online", run_id="full", quiet=True, **settings)
    log(run, range(5))
    assert run.flush(PATIENCE).ok
    return run


def log(run: Run, numbers: range) -> None:
    for number in numbers:
        run.log({"x": number})


def rows(server: LocalServer) -> list[int]:
    return [row["x"] for row in server.run("full").history]


@pytest.mark.parametrize("room", [0, 1, 100, 1000])
def test_all_is_sent(disk: Disk, room: int, wandb_server: LocalServer) -> None:
    """Wherever in a line the disk becomes full: rows are on the server, and the end of the run, and it is said so."""
    run = begun()
    disk.room = room
    log(run, range(5, 50))
    report = run.finish(timeout=PATIENCE)
    assert (report.ok, report.finished, report.remaining, run.stats()["dropped"]) == (True, True, 0, {})
    assert rows(wandb_server) == list(range(50))
    assert wandb_server.run("full").state == "finished"
    assert wandb_server.violations == []


def test_while_it_goes_on(disk: Disk, wandb_server: LocalServer) -> None:
    """A flush sends what is in memory, and says how much is left."""
    run = begun()
    disk.room = 10
    log(run, range(5, 10))
    assert run.queue_length == 5
    report = run.flush(PATIENCE)
    assert (report.ok, report.remaining, run.queue_length) == (True, 0, 0)
    assert rows(wandb_server) == list(range(10))
    run.finish(timeout=PATIENCE)


@pytest.mark.parametrize("sent", [True, False])
def test_the_disk_takes_it_again(disk: Disk, sent: bool, wandb_server: LocalServer) -> None:
    """What was sent from memory is written where it belongs, and nothing goes twice."""
    run = begun()
    disk.room = 30
    log(run, range(5, 20))
    if sent:
        assert run.flush(PATIENCE).ok
    disk.room = None
    log(run, range(20, 30))
    report = run.finish(timeout=PATIENCE)
    assert (report.ok, report.remaining, run.stats()["journalled"]) == (True, 0, 31)
    assert rows(wandb_server) == list(range(30))
    assert run.dir is not None
    (journal,) = run.dir.glob("journal-*.jsonl")
    assert len(journal.read_bytes().splitlines()) == 31
    assert wandb_server.violations == []


def test_sync_afterwards(disk: Disk, wandb_server: LocalServer) -> None:
    """The directory knows that all is done, though the disk was full to the end: the run stays as it is."""
    run = begun()
    disk.room = 0
    log(run, range(5, 20))
    run.finish(timeout=PATIENCE)
    disk.room = None
    assert run.dir is not None
    (report,) = sync(run.dir)
    assert (report.ok, report.finished) == (True, True)
    assert (rows(wandb_server), wandb_server.run("full").state) == (list(range(20)), "finished")


def test_the_server_is_away_too(disk: Disk, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture) -> None:
    """What neither has is lost, and the report and the last words say so."""
    run = begun()
    disk.room = 0
    wandb_server.stop()
    log(run, range(5, 20))
    report = run.finish(timeout=0.5)
    assert not report.ok
    assert not report.finished
    assert report.error is not None
    assert "16 records were lost" in caplog.text
    assert "0 lines" not in caplog.text
    assert run.stats()["dropped"] == {f"disk: {os.strerror(errno.ENOSPC)}": 16}


def test_more_than_the_memory_takes(disk: Disk, wandb_server: LocalServer) -> None:
    """What is lost keeps a report from being ok, even where the server has all the rest."""
    run = begun(memory_bytes=1024)
    disk.room = 0
    log(run, range(5, 100))
    report = run.flush(PATIENCE)
    lost = sum(run.stats()["dropped"].values())
    assert lost > 0
    assert not report.ok
    assert report.error == f"{lost} records were lost: neither the disk nor the server has them"
    run.finish(timeout=PATIENCE)
