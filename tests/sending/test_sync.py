from __future__ import annotations

import errno
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.patience import PATIENCE
from tests.runs import START, add, make_run, numbers, row
from wandb_logging import new_run
from wandb_logging._errors import JournalError
from wandb_logging._journal import locks
from wandb_logging._journal.locks import ProcessLock
from wandb_logging._journal.rundir import RunDir
from wandb_logging._keys.keys import Session
from wandb_logging._sending import sync as _sync
from wandb_logging._sending.sync import sync
from wandb_logging._sending.uploader import Uploader
from wandb_logging._server import link

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging._journal.writer import Writer
    from wandb_logging._report import Report
    from wandb_logging.testing import LocalServer

ROOT = Path(__file__).parents[2]

PROGRAM = """
import os, sys
from wandb_logging import new_run
run = new_run("p", mode="offline", run_id="live", cache_dir=sys.argv[1], flush_interval=3600, quiet=True)
for number in range(50):
    run.log({"n": number})
print("logged", flush=True)
for line in sys.stdin:
    if line == "finish\\n":
        run.finish()
    else:
        run.log({"n": int(line)})
    print("done", flush=True)
"""


class Program:
    """A process that logs into `cache/p/live`, as it is told."""

    def __init__(self, cache: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, cache], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT
        )
        self._answer()

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{line}\n")
        self.process.stdin.flush()
        self._answer()

    def _answer(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline()

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    program = Program(tmp_path / "cache")
    yield program
    program.end()


@pytest.fixture
def cache(tmp_path: Path, wandb_server: LocalServer) -> Path:
    return tmp_path / "cache"


def only(reports: list[Report]) -> Report:
    (report,) = reports
    return report


class TestWhatIsSent:
    def test_offline_runs(self, cache: Path, wandb_server: LocalServer) -> None:
        """All runs below a path, oldest first, each as it ended; a second call sends nothing."""
        end = {"exit": 0, "t": START + 9}
        make_run(cache, [row(1), end], id="second", start=START + 5, host=wandb_server.url)
        make_run(cache, [row(0), end], id="first", host=wandb_server.url)
        reports = sync(cache)
        assert [(report.run_id, report.finished, report.exit_code, report.rows) for report in reports] == [
            ("first", True, 0, 1),
            ("second", True, 0, 1),
        ]
        assert [run.id for run in wandb_server.runs] == ["first", "second"]
        before = len(wandb_server.requests)
        assert all(report.ok and report.finished for report in sync(cache))
        assert len(wandb_server.requests) == before

    def test_several_paths(self, cache: Path, wandb_server: LocalServer) -> None:
        """Run directories and folders of them may be given together."""
        one = make_run(cache, [row(0)], host=wandb_server.url)
        make_run(cache / "more", [row(1)], host=wandb_server.url)
        assert len(sync([one.path, cache / "more"])) == 2

    def test_no_such_path(self, cache: Path, wandb_server: LocalServer) -> None:
        """A path that is not there is an error; one with no run in it is not."""
        with pytest.raises(JournalError, match="no such file"):
            sync(cache / "missing")
        cache.mkdir()
        assert sync(cache) == []

    def test_progress(self, cache: Path, wandb_server: LocalServer) -> None:
        """A Report comes after each acknowledged batch."""
        make_run(cache, [row(0)], host=wandb_server.url)
        seen: list[Report] = []
        sync(cache, on_progress=seen.append)
        assert [report.finished for report in seen] == [False, False, True]  # the row, the end, the end told
        assert (seen[0].rows, seen[0].remaining) == (1, 0)

    def test_one_bad_run_does_not_stop_the_others(self, cache: Path, wandb_server: LocalServer) -> None:
        """What went wrong with one is in its report."""
        make_run(cache, [row(0)], id="a", host=wandb_server.url)
        (cache / "p" / "broken").mkdir()
        (cache / "p" / "broken" / "run.json").write_text("{")
        (cache / "p" / "newer").mkdir()
        (cache / "p" / "newer" / "run.json").write_text('{"format": 99}')
        reports = {report.run_id: report for report in sync(cache)}
        assert reports["a"].ok
        assert "no readable run.json" in str(reports["broken"].error)
        assert "format 99" in str(reports["newer"].error)

    def test_a_fault_of_ours_does_not_stop_the_others(
        self,
        cache: Path,
        wandb_server: LocalServer,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """Whatever sending one run comes to, the others are sent."""
        bad = make_run(cache, [row(0)], id="a", host=wandb_server.url)
        make_run(cache, [row(0)], id="b", host=wandb_server.url)
        drain = Uploader.drain

        def fail_for_one(uploader: Uploader, **options: Any) -> None:
            if uploader.run_dir.path == bad.path:
                raise ZeroDivisionError("division by zero")
            drain(uploader, **options)

        monkeypatch.setattr(Uploader, "drain", fail_for_one)
        first, second = sync(cache)
        assert first.error == "internal error, please report it: ZeroDivisionError: division by zero"
        assert first.remaining == 1
        assert second.ok
        assert "Traceback" in caplog.text

    @pytest.mark.parametrize("method", ["lines_after", "lock_upload"])
    def test_a_run_that_may_not_be_read(
        self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, method: str
    ) -> None:
        """The file that may not be read is in its report, the others are sent."""
        bad = make_run(cache, [row(0)], id="a", host=wandb_server.url)
        make_run(cache, [row(0)], id="b", host=wandb_server.url)
        allowed = getattr(RunDir, method)

        def refuse_one(run_dir: RunDir, *args: object) -> object:
            if run_dir.path == bad.path:
                raise PermissionError(13, "Permission denied", "a/file")
            return allowed(run_dir, *args)

        monkeypatch.setattr(RunDir, method, refuse_one)
        first, second = sync(cache)
        assert first.error == "a/file: Permission denied"
        assert second.ok

    def test_a_saved_file_named_run_json(self, cache: Path, wandb_server: LocalServer, tmp_path: Path) -> None:
        """What is inside a run directory is never taken for a run."""
        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        (tmp_path / "run.json").write_text('{"format": 1, "id": "fake", "project": "p", "start": 0}')
        run_dir.files.keep(tmp_path / "run.json", "run.json")
        assert len(sync(cache)) == 1


class TestLiveAndDead:
    @pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL on Windows")
    def test_a_killed_run(self, cache: Path, wandb_server: LocalServer, program: Program) -> None:
        """All its rows arrive, and it is failed with exit code 1."""
        program.process.send_signal(signal.SIGKILL)
        program.process.wait()
        report = only(sync(cache))
        assert (report.rows, report.finished, report.exit_code) == (50, True, 1)
        assert numbers(wandb_server, "live") == list(range(50))
        assert wandb_server.run("live").state == "failed"

    @pytest.mark.not_quick
    def test_a_living_run_is_not_finished(self, cache: Path, wandb_server: LocalServer, program: Program) -> None:
        """Its rows go, its end does not; the next sync goes on."""
        assert not only(sync(cache)).finished
        assert numbers(wandb_server, "live") == list(range(50))
        assert wandb_server.run("live").state == "running"
        program.tell("50")
        sync(cache)
        program.tell("finish")
        report = only(sync(cache))
        assert (report.finished, report.exit_code) == (True, 0)
        assert numbers(wandb_server, "live") == list(range(51))

    @pytest.mark.not_quick
    def test_follow(
        self, cache: Path, wandb_server: LocalServer, program: Program, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With `follow` rows are sent as they come, until the run ends."""
        monkeypatch.setattr(_sync, "FOLLOW_INTERVAL", 0.01)
        reports: list[Report] = []
        thread = threading.Thread(target=lambda: reports.extend(sync(cache, follow=True)))
        thread.start()
        try:
            wandb_server.wait_for(lambda: len(wandb_server.run("live").history) == 50)
            program.tell("50")
            wandb_server.wait_for(lambda: len(wandb_server.run("live").history) == 51)
            assert wandb_server.run("live").state == "running"
        finally:
            program.tell("finish")
            thread.join(PATIENCE)
        assert only(reports).finished
        assert wandb_server.run("live").exit_code == 0

    def test_follow_waits_for_a_server(
        self,
        cache: Path,
        wandb_server: LocalServer,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        """With `follow` a server that is away is tried again, which is said; without, it is the end."""
        monkeypatch.setattr(_sync, "FOLLOW_INTERVAL", 0.01)
        monkeypatch.setattr(link, "_RETRY_FOR", 0.0)
        make_run(cache, [row(0)], host=wandb_server.url)
        wandb_server.fail_next(status=503)
        assert "Sync again later" in str(only(sync(cache)).error)
        assert caplog.messages == []
        wandb_server.fail_next(3, status=503)
        assert only(sync(cache, follow=True)).ok
        (said,) = caplog.messages
        assert said.endswith("trying again.")

    def test_follow_until_told_to_stop(self, cache: Path, wandb_server: LocalServer, program: Program) -> None:
        """`stop` leaves the rest for later."""
        assert not only(sync(cache, follow=True, stop=lambda: bool(wandb_server.runs))).finished

    def test_a_run_that_another_process_uploads(self, cache: Path, wandb_server: LocalServer) -> None:
        """It is left to that one, and the report says who has it: nothing went wrong, and not all is sent."""
        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        with run_dir.uploading():
            report = only(sync(cache))
        assert report.sender == f"pid {os.getpid()} on {socket.gethostname()}"
        assert (report.error, report.ok, report.remaining) == (None, False, 1)
        assert wandb_server.requests == []

    def test_follow_waits_for_who_sends_it(
        self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """With `follow` a run that another process sends is waited for, and finished if that one dies before."""
        monkeypatch.setattr(_sync, "FOLLOW_INTERVAL", 0.01)
        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        reports: list[Report] = []
        asked = threading.Event()

        def stop() -> bool:
            asked.set()
            return False

        thread = threading.Thread(target=lambda: reports.extend(sync(cache, follow=True, stop=stop)))
        with run_dir.uploading():
            thread.start()
            assert asked.wait(PATIENCE)  # it has looked once, and goes on
            assert wandb_server.requests == []
        thread.join(PATIENCE)
        assert only(reports).finished

    def test_a_lock_of_another_host(self, cache: Path, wandb_server: LocalServer) -> None:
        """Who holds it is told as that one has noted: on a shared file system it may be on another machine."""
        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        lock = ProcessLock(run_dir.path, "upload.lock")
        assert lock.acquire()
        lock.note("pid 4711 on node17")
        try:
            assert only(sync(cache)).sender == "pid 4711 on node17"
        finally:
            lock.release()

    def test_a_lock_left_by_a_dead_process(self, cache: Path, wandb_server: LocalServer) -> None:
        """A lock file that says who held it means nothing once that one is dead, or its machine is gone."""
        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        for name in ("upload.lock", "journal-0001.lock"):
            (run_dir.path / name).write_text("pid 4711 on node17")
        assert only(sync(cache)).finished

    @pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP], ids=errno.errorcode.get)
    def test_a_file_system_without_locks(
        self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, number: int
    ) -> None:
        """Where locks fail nothing is sent, for two could do it at once; the report says what to do."""

        def refuse(_fd: int) -> None:
            raise OSError(number, os.strerror(number))

        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        with monkeypatch.context() as patched:
            patched.setattr(locks, "_lock", refuse)
            report = only(sync(cache))
        assert report.error == (
            f"{run_dir.path} cannot be locked ({os.strerror(number)}), and without a lock two could send it at once: "
            f"copy it to a disk that has locks, and sync the copy"
        )
        assert (report.sender, report.remaining) == (None, 1)
        assert wandb_server.requests == []
        assert only(sync(cache)).finished  # such a copy, or the disk with its locks again

    def test_interrupted(self, cache: Path, wandb_server: LocalServer) -> None:
        """A sync that ran out of time is finished by the next, nothing twice."""
        run_dir = make_run(cache, [row(i) for i in range(20)], host=wandb_server.url)
        report = only(sync(cache, stop=lambda: bool(wandb_server.runs) and bool(wandb_server.runs[0].history)))
        assert "out of time" in str(report.error)
        assert (report.rows, report.finished) == (20, False)
        assert only(sync(cache)).finished
        assert numbers(wandb_server, run_dir.info.id) == list(range(20))

    def test_out_of_time(self, cache: Path, wandb_server: LocalServer) -> None:
        """The first run gets something done, the others wait; that says nothing about the server."""
        for number in range(2):
            make_run(cache, [row(0)], id=f"r{number}", start=START + number, host=wandb_server.url)
        first, second = sync(cache, timeout=0)
        assert (first.rows, first.error) == (1, "out of time; the rest stays in the run directory")
        assert (second.rows, second.error) == (0, "out of time; the run waits for the next sync")
        assert [run.id for run in wandb_server.runs] == ["r0"]

    def test_no_time_at_all(self, cache: Path, wandb_server: LocalServer) -> None:
        """A timeout of nothing sends at most one batch and loses nothing."""
        make_run(cache, [row(0)], host=wandb_server.url)
        sync(cache, timeout=0)
        assert only(sync(cache)).ok


class TestHostAndKey:
    def test_no_key(self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Without a key each report says what to do, and everything stays."""
        make_run(cache, [row(0)], host=wandb_server.url)
        monkeypatch.delenv("WANDB_API_KEY")
        report = only(sync(cache))
        assert "no API key was found. Rows are kept on disk. Set a key with `wandb-logging login --host" in str(
            report.error
        )
        assert report.remaining == 1

    def test_a_malformed_key(self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Of a malformed variable it is said that the variable is to be corrected: a login would not take its place."""
        make_run(cache, [row(0)], host=wandb_server.url)
        monkeypatch.setenv("WANDB_API_KEY", f"{wandb_server.api_key}\n")
        assert "Correct WANDB_API_KEY." in str(only(sync(cache)).error)

    def test_the_variable_is_for_its_own_host(
        self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A run directory that names another host does not get the key of WANDB_API_KEY sent there."""
        make_run(cache, [row(0)], host=wandb_server.url)
        monkeypatch.delenv("WANDB_BASE_URL")
        error = str(only(sync(cache)).error)
        assert "no API key was found (WANDB_API_KEY is for https://api.wandb.ai)" in error
        assert wandb_server.requests == []
        assert only(sync(cache, host=wandb_server.url)).ok

    def test_a_session(self, cache: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
        """Key and host as `login` gives them."""
        make_run(cache, [row(0)], host="https://api.example")
        monkeypatch.delenv("WANDB_API_KEY")
        assert only(sync(cache, session=Session(wandb_server.api_key, wandb_server.url))).ok

    def test_a_host_that_is_away_is_tried_once(self, cache: Path, wandb_server: LocalServer) -> None:
        """Further runs for it are left at once, so that a hundred runs do not wait a hundred times."""
        for number in range(3):
            make_run(cache, [row(0)], id=f"r{number}", host=wandb_server.url)
        wandb_server.fail_always(status=401)
        reports = sync(cache)
        assert len({report.error for report in reports}) == 1
        assert len(wandb_server.requests) == 1

    def test_a_host_that_is_no_address(self, cache: Path, wandb_server: LocalServer) -> None:
        """A run directory may name anything: it is an error of that run, none of ours, and steers no terminal."""
        make_run(cache, [row(0)], host="http://\x1b]0;x\x07[31mx]")
        make_run(cache, [row(0)], host=wandb_server.url)
        bad, good = sync(cache)
        assert bad.error is not None
        assert "internal" not in bad.error
        assert good.ok

    def test_a_run_whose_other_directory_is_being_sent(self, cache: Path, wandb_server: LocalServer) -> None:
        """It is left for later, and said so: its rows would take the places of those; as a new run it is sent."""
        first, second = (make_run(cache, [row(n)], id="r", start=START + n, host=wandb_server.url) for n in range(2))
        with second.uploading():
            report = only(sync(first.path))
            assert not report.ok
            assert f"sends {second.path}, which is of the same run r" in str(report.error)
            assert wandb_server.runs == []
            assert only(sync(first.path, as_new=True)).ok
        assert only(sync(second.path)).ok
        assert numbers(wandb_server, "r") == [1]

    def test_two_writers(self, cache: Path, wandb_server: LocalServer) -> None:
        """A forked child's rows are sent with its parent's."""
        run_dir = make_run(cache, [row(0)], host=wandb_server.url)
        child = run_dir.writer()
        add(child, [row(1)])
        child.close()
        assert only(sync(cache)).rows == 2
        assert json.loads((run_dir.path / "order.jsonl").read_text().splitlines()[0])["writer"] == 1


class TestJobs:
    @pytest.mark.not_quick
    @pytest.mark.parametrize("jobs", [1, 3, 50])
    def test_all_runs_in_their_order(self, cache: Path, wandb_server: LocalServer, jobs: int) -> None:
        """However many are sent at once, each run has all its rows once; the reports are in the order of the runs."""
        ids = [f"r{number}" for number in range(12)]
        for number, run_id in enumerate(ids):
            make_run(cache, [row(0), row(1)], id=run_id, start=START + number, host=wandb_server.url)
        seen: list[Report] = []
        reports = sync(cache, jobs=jobs, on_progress=seen.append)
        assert [report.run_id for report in reports] == ids
        assert all(report.ok for report in reports)
        assert [numbers(wandb_server, run_id) for run_id in ids] == [[0, 1]] * 12
        assert {report.run_id for report in seen} == {*ids}

    def test_they_are_sent_at_once(self, cache: Path, wandb_server: LocalServer) -> None:
        """Runs do not wait for each other: four are under way before one of them is through."""
        for number in range(4):
            make_run(cache, [row(0)], id=f"r{number}", start=START + number, host=wandb_server.url)
        threads: set[int] = set()
        all_there = threading.Barrier(4)

        def stop() -> bool:
            if threading.current_thread() is not threading.main_thread() and threading.get_ident() not in threads:
                threads.add(threading.get_ident())
                all_there.wait(120)
            return False

        assert all(report.ok for report in sync(cache, jobs=4, stop=stop))
        assert len(threads) == 4

    def test_those_of_one_run_one_after_the_other(self, cache: Path, wandb_server: LocalServer) -> None:
        """At the same time each would begin at the same line of the server, and overwrite the other's."""
        for number in range(4):
            directory = cache / f"part{number}"
            events = [row(10 * number + at) for at in range(3)]
            make_run(directory, events, id="one", start=START + number, resume="allow", host=wandb_server.url)
        assert all(report.ok for report in sync(cache, jobs=4))
        (run,) = wandb_server.runs
        assert [each["n"] for each in run.history] == [10 * number + at for number in range(4) for at in range(3)]

    def test_the_server_is_asked_once_what_it_can(self, cache: Path, wandb_server: LocalServer) -> None:
        """What holds for the server is not asked for each run."""
        for number in range(3):
            make_run(cache, [row(0)], id=f"r{number}", host=wandb_server.url)
        sync(cache)
        asked = [request for request in wandb_server.requests if b"serverInfo" in (request.body or b"")]
        assert len(asked) == 1

    def test_one_closed_project(self, cache: Path, wandb_server: LocalServer) -> None:
        """403 is one run's; the others are sent."""
        make_run(cache, [row(0)], id="a", start=START, host=wandb_server.url)
        make_run(cache, [row(0)], id="b", start=START + 1, host=wandb_server.url)
        wandb_server.fail_next(1, status=403)
        first, second = sync(cache)
        assert "403" in str(first.error)
        assert "--entity TEAM" in str(first.error)
        assert second.ok

    @pytest.mark.parametrize("jobs", [0, -1])
    def test_no_jobs(self, cache: Path, jobs: int) -> None:
        """There is at least one."""
        with pytest.raises(ValueError, match="expected 1 or more"):
            sync(cache, jobs=jobs)


class TestFollowing:
    @pytest.mark.slow
    def test_runs_that_begin_later(
        self, tmp_path: Path, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It waits for the first run, finds those that come later, and ends when all was idle for so long."""
        monkeypatch.setattr("wandb_logging._sending.sync.FOLLOW_INTERVAL", 0.05)
        cache: Path = tmp_path / "later"
        reports: list[Any] = []
        thread = threading.Thread(
            target=lambda: reports.extend(sync(cache, host=wandb_server.url, follow=True, until_idle=3.0))
        )
        thread.start()
        for number in range(2):
            with new_run("p", run_id=f"late{number}", mode="offline", cache_dir=cache, quiet=True) as run:
                run.log({"n": number})
            deadline = time.monotonic() + PATIENCE
            while len(wandb_server.runs) <= number:
                assert time.monotonic() < deadline
                time.sleep(0.01)
        thread.join(PATIENCE)
        assert not thread.is_alive()
        assert sorted(report.run_id for report in reports) == ["late0", "late1"]

    def test_nothing_ever_comes(self, tmp_path: Path, wandb_server: LocalServer) -> None:
        """With `until_idle` nobody waits for ever, also where there is no folder yet."""
        assert sync(tmp_path / "none", host=wandb_server.url, follow=True, until_idle=0.1) == []


def test_who_comes_while_a_dead_run_is_sent_says_how_it_ends(wandb_server: LocalServer) -> None:
    """A rank that comes late, a job that begins again: the run does not end behind its back, as failed."""
    run_dir = make_run(Path("wandb_cache"), [row(0)], host=wandb_server.url)
    came: list[Writer] = []
    sync(on_progress=lambda _: None if came else came.append(run_dir.writer()))
    run = wandb_server.run(run_dir.info.id)
    assert (run.state, run.exit_code) == ("running", None)
    add(came[0], [row(1), {"exit": 0, "t": START + 2}])
    came[0].close()
    sync()
    assert (numbers(wandb_server, run_dir.info.id), run.state, run.exit_code) == ([0, 1], "finished", 0)
