"""The disk fills up while a run goes on and the network is fine: what the disk refuses is sent from memory."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import Run, new_run, read_run, sync
from wandb_logging._journal import safe_files
from wandb_logging.testing import LocalServer


class Disk:
    """A disk that can be full: it takes `room` more bytes of the journal and no new file. `room` None takes all."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.errno = errno.ENOSPC
        self._write, self._create = os.write, safe_files.create
        monkeypatch.setattr(os, "write", self.write)
        monkeypatch.setattr(safe_files, "create", self.create)

    def write(self, fd: int, data: bytes) -> int:
        if self.room is None or not str(Path(f"/proc/self/fd/{fd}").readlink()).endswith(".jsonl"):
            return self._write(fd, data)
        data = data[: self.room]
        self.room -= len(data)
        return self._write(fd, data) if data else self.refuse()

    def create(self, root: Path, name: str, **options: Any) -> int:
        return self._create(root, name, **options) if self.room is None else self.refuse()

    def refuse(self) -> int:
        raise OSError(self.errno, os.strerror(self.errno))


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


@contextlib.contextmanager
def away(server: LocalServer) -> Iterator[None]:
    """Nobody hears a request meanwhile."""
    server.stop()
    yield
    server.start()


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


@pytest.mark.parametrize("resume", [None, "allow"])
@pytest.mark.parametrize("room", [0, 40])
def test_before_the_first_request(disk: Disk, room: int, resume: Any, wandb_server: LocalServer) -> None:
    """Not even what the server says of the run can be written: all is sent from memory, and stays as it is."""
    with away(wandb_server):
        run = new_run("p", mode="online", run_id="full", quiet=True, resume=resume)
        disk.room = room
        log(run, range(50))
    report = run.finish(timeout=PATIENCE)
    assert (report.ok, report.finished, report.remaining, run.stats()["dropped"]) == (True, True, 0, {})
    assert rows(wandb_server) == list(range(50))
    disk.room = None
    assert run.dir is not None
    assert sync(run.dir) == []  # nothing that could be taken for a run that died
    assert [path.name for path in run.dir.glob("*.json")] == ["sent.json"]
    assert wandb_server.run("full").state == "finished"
    assert rows(wandb_server) == list(range(50))


@pytest.mark.parametrize("number", [errno.EROFS, errno.EIO, errno.EDQUOT])
def test_a_disk_that_takes_nothing_any_more(disk: Disk, number: int, wandb_server: LocalServer) -> None:
    """Read-only since an error, a quota: as a full one, also before the first request."""
    with away(wandb_server):
        run = new_run("p", mode="online", run_id="full", quiet=True)
        disk.room, disk.errno = 0, number
        log(run, range(20))
    report = run.finish(timeout=PATIENCE)
    assert (report.ok, report.finished, rows(wandb_server)) == (True, True, list(range(20)))


def test_room_comes_after_the_first_request(disk: Disk, wandb_server: LocalServer) -> None:
    """What was in memory is written as soon as it can be, what the server said first."""
    with away(wandb_server):
        run = new_run("p", mode="online", run_id="full", quiet=True)
        disk.room = 0
        log(run, range(20))
    assert run.flush(PATIENCE).ok
    disk.room = None
    log(run, range(20, 30))
    assert run.finish(timeout=PATIENCE).ok
    assert run.dir is not None
    assert len(read_run(run.dir).rows) == 30
    (report,) = sync(run.dir)
    assert (report.ok, rows(wandb_server)) == (True, list(range(30)))


def test_the_process_dies_before_it_could_note_anything(disk: Disk, wandb_server: LocalServer) -> None:
    """Whoever sends the directory later puts its rows where they are, also where the run could have been there."""
    with away(wandb_server):
        run = new_run("p", mode="online", run_id="full", quiet=True, resume="allow", close_timeout=0)
        log(run, range(5))
        run._journal.writer.sync()
        disk.room = 0
        log(run, range(5, 20))
    assert run.flush(PATIENCE).ok
    assert rows(wandb_server) == list(range(20))
    assert run.dir is not None
    copy = run.dir.parent.parent / "copy"
    shutil.copytree(run.dir, copy)
    disk.room = None
    (report,) = sync(copy)
    assert report.error is None
    assert rows(wandb_server)[:5] == list(range(5))
    assert len(wandb_server.run("full").history) in {5, 20}
    wandb_server.allow_violations("after-complete")  # of the process that did not really die
    run.finish(timeout=PATIENCE)


def test_more_than_the_memory_takes_over_time(disk: Disk, wandb_server: LocalServer) -> None:
    """What the server has makes room for more, again and again; when the disk takes it again, the rest goes there."""
    run = begun(memory_bytes=2048)
    disk.room = 25
    for start in range(5, 105, 10):
        log(run, range(start, start + 10))
        assert run.flush(PATIENCE).ok
        assert run.step == start + 10
    disk.room = None
    log(run, range(105, 120))
    report = run.finish(timeout=PATIENCE)
    assert (report.ok, run.stats()["dropped"], report.remaining) == (True, {}, 0)
    assert rows(wandb_server) == list(range(120))
    assert wandb_server.violations == []
    assert run.dir is not None
    (report,) = sync(run.dir)
    assert report.ok
    assert rows(wandb_server) == list(range(120))
    assert [row["x"] for row in read_run(run.dir).rows][-15:] == list(range(105, 120))


def test_the_cursor_is_lost_behind_a_gap(disk: Disk, wandb_server: LocalServer) -> None:
    """Rows that the disk lacks move no other: what is sent again goes where it was."""
    run = begun(memory_bytes=2048)
    disk.room = 0
    for start in range(5, 65, 10):
        log(run, range(start, start + 10))
        assert run.flush(PATIENCE).ok
    disk.room = None
    log(run, range(65, 80))
    assert run.finish(timeout=PATIENCE).ok
    assert run.dir is not None
    (run.dir / "cursor.json").unlink()
    (report,) = sync(run.dir)
    assert report.ok
    assert rows(wandb_server) == list(range(80))


def test_what_is_said_while_rows_are_in_memory(
    disk: Disk, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody is told that rows are on a disk that does not have them."""
    run = begun(flush_interval=0.05)
    disk.room = 0
    wandb_server.stop()
    log(run, range(5, 20))
    run.flush(2.0)
    run.finish(timeout=0.1)
    assert "kept on disk" not in caplog.text
    assert "wait in memory" in caplog.text


LIMITED = """
import resource, sys
from wandb_logging import new_run

mode, limit, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
run = new_run("p", run_id="limited", mode=mode, quiet=True, config={"a": 1})
run.log({"x": 0})
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
for number in range(1, 200):
    run.log({"x": number, "long": "y" * (size if number == 100 else 50)})
report = run.finish(timeout=300)
print(report.ok if mode == "online" else run.stats()["dropped"])
"""


@pytest.mark.parametrize("size", [50, 20_000])
@pytest.mark.parametrize("mode", ["offline", "online"])
def test_files_may_not_grow(mode: str, size: int, wandb_server: LocalServer, tmp_path: Path) -> None:
    """`ulimit -f`: segments are shorter. A line that fits in none costs itself alone, and nothing where it is sent."""
    command = [sys.executable, "-c", LIMITED, mode, "8192", str(size)]
    environment = {**os.environ, **wandb_server.env()}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False, timeout=PATIENCE
    )
    assert done.returncode == 0, done.stderr
    missing = {100} if (mode, size) == ("offline", 20_000) else set()
    said = "True" if mode == "online" else str({"disk: File too large": 1} if missing else {})
    assert done.stdout.strip() == said
    (report,) = sync(tmp_path / "wandb_cache")
    assert report.error is None
    there = [row["x"] for row in wandb_server.run("limited").history]
    assert there == [number for number in range(200) if number not in missing]
    assert wandb_server.run("limited").state == "finished"


CHILD = """
import errno, logging, multiprocessing, os, sys
import wandb_logging
from wandb_logging._journal import safe_files

log = logging.getLogger("train")
log.setLevel(logging.INFO)
log.addHandler(wandb_logging.WandbHandler(project="p", mode="offline", run_id="full", cache_dir=sys.argv[1]))


def work():
    write = os.write

    def refuse(fd, data):
        if str(os.readlink(f"/proc/self/fd/{fd}")).endswith(".jsonl"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    os.write = refuse
    for number in range(50):
        log.info("row", extra={"metrics": {"y": number}})


log.info("row", extra={"metrics": {"x": 1}})
if sys.argv[2] == "fork":
    if not (child := os.fork()):
        work()
        sys.exit()
    os.waitpid(child, 0)
else:
    child = multiprocessing.get_context("fork").Process(target=work)
    child.start()
    child.join()
"""


@pytest.mark.parametrize("how", ["fork", "multiprocessing"])
def test_what_a_forked_child_says(how: str, tmp_path: Path) -> None:
    """A forked child, for which nobody tries again later, says at once and once that its rows wait in memory.

    If it ends as programs do, it also says how many are lost.
    """
    command = [sys.executable, "-c", CHILD, str(tmp_path), how]
    said = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=True).stderr
    assert said.count("rows wait in memory") == 1
    assert ("50 records were lost" in said) == (how == "fork")
