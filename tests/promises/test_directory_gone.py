"""The run directory goes away while the run goes on: removed, moved, replaced by something else."""

from __future__ import annotations

import contextlib
import errno
import logging
import logging.handlers
import os
import shutil
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.patience import PATIENCE
from wandb_logging import Run, WandbHandler, new_run, read_run, sync
from wandb_logging._journal import reader, rundir, safe_files, writer
from wandb_logging._journal.segments import segments
from wandb_logging.testing import LocalServer, StoredRun

pytestmark = pytest.mark.skipif(os.name != "posix", reason="an open file cannot be removed")


def remove(folder: Path) -> None:
    """Remove a folder in which others go on writing: what they put there meanwhile is removed, too."""
    while folder.exists():
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)


def removed(folder: Path) -> None:
    remove(folder)


def removed_with_all_above(_folder: Path) -> None:
    remove(Path("wandb_cache"))


def moved(folder: Path) -> None:
    folder.rename(folder.parent.parent / "moved")


def emptied(folder: Path) -> None:
    removed(folder)
    folder.mkdir()


def without_segments(folder: Path) -> None:
    for segment in folder.glob("journal-*.jsonl"):
        segment.unlink()


WAYS = [removed, removed_with_all_above, moved, emptied, without_segments]


def folder_of(run: Run) -> Path:
    assert run.dir is not None
    return run.dir


def log_the_rest(run: Run, server: LocalServer) -> StoredRun:
    """Log the last two of five rows and end the run: all five are on the server, at their steps. What it has there."""
    run.log({"x": 3})
    assert run.flush(PATIENCE).ok
    run.log({"x": 4})
    assert run.finish(timeout=PATIENCE).ok
    there = server.run(run.id)
    assert [(row["_step"], row["x"]) for row in there.history] == [(step, step) for step in range(5)]
    return there


@pytest.mark.parametrize("goes", WAYS)
class TestItBeginsAnew:
    def test_online(self, goes: Callable[[Path], None], wandb_server: LocalServer) -> None:
        """All rows are on the server at their steps, those of the moment in between, too; nothing is lost."""
        run = new_run("p", mode="online", run_id="abc", quiet=True)
        for number in range(5):
            run.log({"x": number})
        assert run.flush(PATIENCE).ok
        for number in range(5, 8):
            run.log({"x": number})
        goes(folder_of(run))
        for number in range(8, 12):
            run.log({"x": number})
        assert run.flush(PATIENCE).ok
        assert (run.stats()["dropped"], run.queue_length) == ({}, 0)
        run.log({"x": 12})
        report = run.finish(timeout=PATIENCE)
        assert (report.ok, report.finished) == (True, True)
        there = wandb_server.run("abc")
        assert [(row["_step"], row["x"]) for row in there.history] == [(step, step) for step in range(13)]
        assert there.state == "finished"
        assert wandb_server.violations == []

    def test_offline(self, goes: Callable[[Path], None]) -> None:
        """The directory is there again, with all rows of the segment that was being written."""
        run = new_run("p", mode="offline", quiet=True)
        for number in range(5):
            run.log({"x": number})
        goes(folder_of(run))
        run.log({"x": 5})
        run.flush()
        assert run.step == 6
        assert run.summary["x"] == 5
        run.finish()
        data = read_run(folder_of(run))
        assert ([row["x"] for row in data.rows], data.exit_code) == ([0, 1, 2, 3, 4, 5], 0)
        assert run.stats()["dropped"] == {}


@pytest.mark.parametrize("sent", [True, False], ids=["sent", "unsent"])
def test_any_one_file_is_removed(sent: bool, wandb_server: LocalServer) -> None:
    """Whichever it is: the rows are on the server once, the end is told, and `sync` has nothing more to do."""
    with new_run("p", mode="online", quiet=True) as first:
        first.log({"x": 0})
    names = sorted(path.name for path in folder_of(first).iterdir() if path.is_file())
    assert {"run.json", "server.json", "cursor.json", "upload.lock"} < set(names)
    for name in names:
        run = new_run("p", mode="online", flush_interval=3600, quiet=True)
        run.log({"x": 0})
        assert not sent or run.flush(PATIENCE).ok
        (folder_of(run) / name).unlink(missing_ok=True)
        run.log({"x": 1})
        assert run.finish(timeout=PATIENCE).ok, name
        assert sync(folder_of(run))[0].ok, name
        there = wandb_server.run(run.id)
        assert ([row["x"] for row in there.history], there.state) == ([0, 1], "finished"), name


def a_file(folder: Path) -> None:
    remove(folder)
    folder.write_text("a file")


def a_file_above(folder: Path) -> None:
    remove(folder.parent)
    folder.parent.write_text("a file")


def a_file_at_the_top(_folder: Path) -> None:
    remove(Path("wandb_cache"))
    Path("wandb_cache").write_text("a file")


@pytest.mark.parametrize("goes", [a_file, a_file_above, a_file_at_the_top])
@pytest.mark.parametrize("known", [True, False], ids=["known", "new"])
class TestItCannotBeMadeAnew:
    def test_rows_are_sent_from_memory(
        self, goes: Callable[[Path], None], known: bool, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
    ) -> None:
        """The server has all of them at their steps, and how the run ended; nobody is told to send the rest."""
        run = new_run("p", mode="online", flush_interval=3600)
        run.log({"x": 0})
        assert not known or run.flush(PATIENCE).ok
        run.log({"x": 1})
        goes(folder_of(run))
        run.log({"x": 2})
        run.log({"y": 2}, step=5)
        assert run.flush(PATIENCE).remaining == 1  # the open row
        run.log({"z": 2}, step=5)
        report = run.finish(3, timeout=PATIENCE)
        assert (report.ok, report.finished) == (True, True)
        assert run.stats()["dropped"] == {}
        there = wandb_server.run(run.id)
        rows = [(row["_step"], row.get("x"), row.get("y"), row.get("z")) for row in there.history]
        assert rows == [(0, 0, None, None), (1, 1, None, None), (2, 2, None, None), (5, None, 2, 2)]
        assert there.state == "failed"
        assert wandb_server.violations == []
        assert "wandb-logging sync" not in caplog.text

    def test_and_from_the_disk_once_it_can(
        self, goes: Callable[[Path], None], known: bool, wandb_server: LocalServer
    ) -> None:
        """What went from memory meanwhile does not go again, nor does a row behind it take its place."""
        run = new_run("p", mode="online", flush_interval=3600, quiet=True)
        run.log({"x": 0})
        assert not known or run.flush(PATIENCE).ok
        goes(folder_of(run))
        run.log({"x": 1})
        assert run.flush(PATIENCE).ok
        run.log({"x": 2})
        next(path for path in (folder_of(run), *folder_of(run).parents) if path.is_file()).unlink()
        there = log_the_rest(run, wandb_server)
        assert sync(folder_of(run))[0].finished
        assert ([row["x"] for row in there.history], there.state) == ([0, 1, 2, 3, 4], "finished")


def test_it_cannot_be_made_anew_and_the_server_is_away(caplog: pytest.LogCaptureFixture) -> None:
    """Then nobody is told to send what is not there."""
    with LocalServer() as server:
        run = new_run("p", mode="online", host=server.url, api_key=server.api_key, close_timeout=1)
        run.log({"x": 0})
        assert run.flush(PATIENCE).ok
    a_file(folder_of(run))
    run.log({"x": 1})
    assert not run.finish().ok
    said = caplog.text
    assert "were lost" in said
    assert f"the server does not know how run {run.id} ended" in said
    assert "wandb-logging sync" not in said
    assert "kept on disk" not in said


class Disk:
    """The calls to a disk that is away, as a FUSE mount is whose server has died: each fails."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.is_away = False
        system = types.SimpleNamespace(**{name: getattr(os, name) for name in dir(os)})
        system.write = self._or_away(os.write)
        monkeypatch.setattr(writer, "os", system)
        for room in (reader, rundir):
            monkeypatch.setattr(room, "segments", self._or_away(segments))
        for name in ("open_to_read", "read", "replace", "create", "is_there", "overwrite", "status", "open_to_append"):
            monkeypatch.setattr(safe_files, name, self._or_away(getattr(safe_files, name)))

    def _or_away(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def called(*args: Any, **options: Any) -> Any:
            if self.is_away:
                raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
            return call(*args, **options)

        return called


@pytest.mark.parametrize("back", [False, True])
def test_the_disk_is_away(back: bool, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are sent from memory; if it comes back, none goes again and none is missing behind them."""
    disk = Disk(monkeypatch)
    run = new_run("p", mode="online", flush_interval=3600, quiet=True)
    run.log({"x": 0})
    assert run.flush(PATIENCE).ok
    disk.is_away = True
    run.log({"x": 1})
    assert run.flush(PATIENCE).ok
    run.log({"x": 2})
    disk.is_away = not back
    there = log_the_rest(run, wandb_server)
    assert (there.state, run.stats()["dropped"]) == ("finished", {})
    disk.is_away = False
    assert sync(folder_of(run))[0].ok
    assert [row["x"] for row in there.history] == [0, 1, 2, 3, 4]
    assert (there.state, there.exit_code, there.summary["x"]) == ("finished", 0, 4)


def test_what_cannot_be_had_back_is_counted_and_said(caplog: pytest.LogCaptureFixture) -> None:
    """Segments that were full, and are closed, went with the directory."""
    run = new_run("p", mode="offline", segment_bytes=4096, fsync="always")
    for number in range(200):
        run.log({"x": number})
    removed(folder_of(run))
    run.log({"x": 200})
    with caplog.at_level(logging.INFO, "wandb_logging"):
        run.flush()
    (lost,) = run.stats()["dropped"].values()
    run.finish()
    rows = [row["x"] for row in read_run(folder_of(run)).rows]
    assert rows == list(range(lost, 201))
    assert f"{lost} rows and lines that were not sent yet are lost" in caplog.text
    assert "kept on disk" not in caplog.text


def test_where_it_cannot_be_made_anew_rows_wait_in_memory(caplog: pytest.LogCaptureFixture) -> None:
    """Until it can; nothing says that they are on disk."""
    run = new_run("p", mode="offline")
    run.log({"x": 0})
    remove(Path("wandb_cache"))
    Path("wandb_cache").touch()
    run.log({"x": 1})
    with caplog.at_level(logging.INFO, "wandb_logging"):
        run.flush()
        run.log({"x": 2})
    assert "rows wait in memory" in caplog.text
    Path("wandb_cache").unlink()
    run.finish()
    assert [row["x"] for row in read_run(folder_of(run)).rows] == [0, 1, 2]


@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("blocked", [False, True])
def test_nobody_hears_of_it_by_an_exception(
    mode: Any, blocked: bool, wandb_server: LocalServer, caplog: pytest.LogCaptureFixture
) -> None:
    """Not emit, flush, stats and close, so that logging.shutdown goes on to the other handlers; nor what a run says."""
    handler = WandbHandler(project="p", mode=mode, quiet=True, close_timeout=2)
    file = logging.FileHandler("other.log")
    other = logging.handlers.MemoryHandler(1000, flushLevel=100, target=file)
    log = logging.getLogger("t")
    log.setLevel("INFO")
    log.addHandler(other)
    log.addHandler(handler)
    log.info("", extra={"metrics": {"x": 1}})
    handler.flush(PATIENCE)  # nobody writes while it is removed, or it is not empty
    handler.flush(PATIENCE)
    remove(Path("wandb_cache"))
    if blocked:
        Path("wandb_cache").touch()
    run = handler.run
    for _ in range(2):
        log.info("", extra={"metrics": {"x": 2}})
        handler.stats()
        handler.flush(5)
        assert isinstance(run.step, int)
        assert dict(run.summary) is not None
        assert run.queue_length >= 0
        assert run.config == {}
        assert repr(run)
    handler.stats()
    logging.shutdown([lambda: file, lambda: other, lambda: handler])
    file.close()
    assert len(Path("other.log").read_text().splitlines()) >= 3
    assert "internal error" not in caplog.text


LOCKED = """
import logging, os, sys, wandb_logging
mode, what = sys.argv[1:]
log = logging.getLogger("t"); log.setLevel("INFO")
other = logging.FileHandler("other.log", delay=True)
handler = wandb_logging.WandbHandler(project="p", mode=mode, close_timeout=5)
log.addHandler(other); log.addHandler(handler)
log.info("", extra={"metrics": {"x": 0}})
handler.flush(300)
folder = handler.run.dir
locked = {"directory": [folder], "above": [folder.parent], "files": [*folder.glob("*.*")], "read-only": [folder]}[what]
before = [path.stat().st_mode for path in locked]
for path in locked:
    path.chmod(0o555 if what == "read-only" else 0)
for number in (1, 2):
    log.info("", extra={"metrics": {"x": number}})
    handler.flush(5)
    handler.stats()
    assert handler.run.queue_length >= 0 and handler.run.step >= 0 and dict(handler.run.summary) is not None
logging.shutdown()
for path, mode in zip(locked, before):
    path.chmod(mode)
"""


@pytest.mark.skipif(
    sys.platform != "linux", reason="root is like others where it has no capabilities, which is Linux's"
)
@pytest.mark.parametrize("mode", ["online", "offline"])
@pytest.mark.parametrize("what", ["directory", "above", "files", "read-only"])
def test_what_nobody_may_read(mode: str, what: str, wandb_server: LocalServer) -> None:
    """No exception and no line is lost: all is sent, or waits on the disk for `sync`, with how the program ended."""
    as_anybody: list[str] = []
    if os.geteuid() == 0:  # whom nothing is forbidden
        if not shutil.which("setpriv"):
            pytest.skip("needs setpriv to be anybody else")
        as_anybody = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"]
    Path("program.py").write_text(LOCKED)
    done = subprocess.run(
        [*as_anybody, sys.executable, "program.py", mode, what],
        env={**os.environ, **wandb_server.env()},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert len(Path("other.log").read_text().splitlines()) >= 3
    (folder,) = Path("wandb_cache/p").iterdir()
    data = read_run(folder)
    assert ([row["x"] for row in data.rows], data.exit_code) == ([0, 1, 2], 0)
    (report,) = sync(folder)
    assert report.finished
    (run,) = wandb_server.runs
    assert ([row["x"] for row in run.history], run.state) == ([0, 1, 2], "finished")


def test_out_of_descriptors(wandb_server: LocalServer) -> None:
    """While there are none, rows wait in the segment that is open; nothing raises, and nothing is lost."""
    import resource

    run = new_run("p", mode="online", run_id="abc", quiet=True)
    run.log({"x": 0})
    assert run.flush(PATIENCE).ok
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (128, before[1]))
        while True:
            try:
                held.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                break
        for number in range(1, 5):
            run.log({"x": number})
        run.flush(1)
        run.stats()
    finally:
        for descriptor in held:
            os.close(descriptor)
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert run.finish(timeout=PATIENCE).ok
    assert [row["x"] for row in wandb_server.run("abc").history] == [0, 1, 2, 3, 4]
