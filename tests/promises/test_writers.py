"""One run, several processes that write it: whose end is its end, and who sends it when one of them is gone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.commanded import WRITER, Commanded, all_of, leave_none, rows
from tests.patience import PATIENCE, wait_until
from wandb_logging import new_run
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wandb_logging import Run
    from wandb_logging.testing import LocalServer


class Writer(Commanded):
    """A process that writes the run."""

    def __init__(self, server: LocalServer, number: int, interval: float = 60.0) -> None:
        pipe, command = (
            subprocess.PIPE,
            [sys.executable, "-c", WRITER, str(number), json.dumps({"flush_interval": interval})],
        )
        environment = {**os.environ, **server.env()}
        super().__init__(subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, stderr=pipe, text=True))
        assert self.answer() == "there"

    def end(self, command: str) -> tuple[int, str]:
        """Have it end; its exit code, and what it said."""
        self.ask(command)
        error = self.process.communicate(timeout=PATIENCE)[1]
        return self.process.returncode, error

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def writers() -> Iterator[list[Writer]]:
    """Those that are started in a test; none is left behind."""
    started: list[Writer] = []
    yield started
    leave_none(started)


def start(writers: list[Writer], server: LocalServer, count: int, interval: float = 60.0) -> list[Writer]:
    new = [Writer(server, len(writers) + number, interval) for number in range(count)]
    writers += new
    return new


class TestWithoutResume:
    """Who asks for nothing but an id, as `WANDB_RUN_ID` in the environment does for each run of a program."""

    def test_two_at_a_time_write_one_run(self, wandb_server: LocalServer) -> None:
        """Two directories would overwrite each other's rows on the server."""
        first, second = (new_run("p", run_id="r", mode="online", quiet=True) for _ in range(2))
        for number in range(3):
            first.log({"first": number})
            second.log({"second": number})
        assert not second.finish().finished
        assert first.finish().finished
        (run,) = wandb_server.runs
        assert wandb_server.violations == []
        assert sorted(row.get("first", -1) for row in run.history) == [-1, -1, -1, 0, 1, 2]
        assert [row["second"] for row in run.history if "second" in row] == [0, 1, 2]

    def test_one_after_the_other_has_a_directory_of_its_own(self) -> None:
        dirs = []
        for _ in range(2):
            with new_run("p", run_id="r", mode="offline", quiet=True) as run:
                dirs.append(run.dir)
        assert dirs[0] != dirs[1]

    @pytest.mark.parametrize("way", ["resume", "fork_from"])
    def test_who_asks_for_another_run_gets_one(self, way: str) -> None:
        with new_run("p", run_id="r", mode="offline", quiet=True) as run:
            asked: Any = {"resume": "never"} if way == "resume" else {"fork_from": "other?_step=1"}
            with new_run("p", run_id="r", mode="offline", quiet=True, **asked) as other:
                assert other.dir != run.dir


class TestItsEnd:
    def test_it_ends_with_the_last(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """Whoever began it may end first: the run goes on, all rows are in it, and the worst exit code is its own."""
        first, second, third = start(writers, wandb_server, 3)
        for writer in (first, second, third):
            writer.ask("log 0 5")
        assert first.end("exit 0")[0] == 0
        assert [run.state for run in wandb_server.runs] == ["running"]
        code, said = second.end("exit 3")
        assert code == 3
        assert "goes on in 1 other writer" in said
        assert [run.state for run in wandb_server.runs] == ["running"]
        third.ask("log 5 9")
        code, said = third.end("exit 0")
        (run,) = wandb_server.runs
        assert rows(run) == all_of(5, 5, 9)
        assert (run.state, run.exit_code) == ("failed", 3)
        assert "failed (exit code 3)" in said
        assert len(find_runs(Path("wandb_cache"))) == 1

    def test_a_signal_ends_one_of_them(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """SIGTERM of the process that sends is not the end for the others, and is what the run ends with."""
        first, second = start(writers, wandb_server, 2)
        first.ask("log 0 5")
        first.process.send_signal(signal.SIGTERM)
        assert first.process.wait(PATIENCE) == -signal.SIGTERM
        (run,) = wandb_server.runs
        assert run.state == "running"
        second.ask("log 0 5")
        second.end("exit 0")
        assert rows(run) == all_of(5, 5)
        assert run.exit_code == 128 + signal.SIGTERM

    def test_one_that_was_killed_is_a_failure(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """A process that is gone without a word did not end well, whatever the last one says."""
        first, second = start(writers, wandb_server, 2)
        first.ask("log 0 5")
        first.kill()
        second.end("exit 0")
        (run,) = wandb_server.runs
        assert rows(run) == all_of(5)
        assert run.exit_code == 1

    def test_a_failure_of_yesterday_is_none_of_today(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """Who goes on with a run that was killed is not among those that were there then."""
        start(writers, wandb_server, 1)[0].kill()
        _, second = start(writers, wandb_server, 2)
        writers[1].end("exit 0")
        second.end("exit 0")
        assert wandb_server.run("many").exit_code == 0

    def test_files_of_the_run_are_made_once(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """Who joins makes no files that each run has: they are those of the process that began it."""
        first, second = start(writers, wandb_server, 2)
        second.ask("log 0 1")
        assert first.ask("flush").endswith("True")
        wait_until(lambda: "requirements.txt" in wandb_server.run("many").files)
        second.end("exit 0")
        first.end("exit 0")
        puts = [request.path for request in wandb_server.requests if request.method == "PUT"]
        assert len([path for path in puts if "wandb-metadata" in path]) == 1


class TestWhoSends:
    def test_the_sender_is_killed(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """Within one flush_interval another one sends, beginning with what the dead one had not."""
        first, second, third = start(writers, wandb_server, 3, interval=0.5)
        for writer in (first, second, third):
            writer.ask("log 0 50")
        first.kill()
        second.ask("log 50 60")
        # The dead one may not have come to tell the server of the run.
        run = wandb_server.wait_for(lambda: wandb_server.run("many"), timeout=PATIENCE)
        wait_until(lambda: rows(run) == all_of(50, 60, 50))
        third.end("exit 0")
        second.end("exit 0")
        assert rows(run) == all_of(50, 60, 50)
        assert wandb_server.violations == []

    def test_flush_and_counts_are_of_all(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """`flush` in any of them waits until all that was logged is sent, by whomever; counts are the run's."""
        first, second = start(writers, wandb_server, 2)
        first.ask("log 0 5")
        second.ask("log 0 7")
        assert first.ask("flush") == "12 0 True"
        second.ask("log 7 9")
        assert second.ask("flush") == "14 0 True"
        assert rows(wandb_server.run("many")) == all_of(5, 9)
        assert second.ask("stats").split()[0] == "0"
        assert second.ask("finish 0") == "14 0 False None"
        assert first.ask("finish 0") == "14 0 True 0"

    def test_flush_when_the_sender_is_gone(self, wandb_server: LocalServer, writers: list[Writer]) -> None:
        """It does not wait for the next round: it sends by itself."""
        first, second = start(writers, wandb_server, 2)
        first.ask("log 0 5")
        first.kill()
        second.ask("log 0 5")
        assert second.ask("flush") == "10 0 True"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork")
def test_children_that_say_steps(wandb_server: LocalServer) -> None:
    """Four processes of a fork log the same steps: the parent's rows are at them, each child's at its own."""
    code = """
import os, warnings
from wandb_logging import new_run
warnings.simplefilter("ignore")
with new_run("p", run_id="forked") as run:
    run.log({"start": 1})
    children = []
    for rank in range(1, 4):
        child = os.fork()
        if not child:
            for step in range(20):
                run.log({"loss": step * rank}, step=step + 1)
            os._exit(0)
        children.append(child)
    for step in range(20):
        run.log({"loss": step}, step=step + 1)
    for child in children:
        os.waitpid(child, 0)
"""
    environment = {**os.environ, **wandb_server.env()}
    subprocess.run([sys.executable, "-c", code], env=environment, check=True, timeout=PATIENCE)
    history = wandb_server.run("forked").history
    curves = {}
    for name in sorted({name for row in history for name in row if name.startswith("loss")}):
        axis = name.replace("loss", "step") if "/" in name else "_step"
        curves[name] = [(row[axis], row[name]) for row in history if name in row]
    assert sorted(curves.values()) == sorted(
        [(step + 1, step * max(rank, 1)) for step in range(20)] for rank in (0, 1, 2, 3)
    )
    assert wandb_server.violations == []


class TestWhoComesWhileTheEndIsSent:
    """The run is at its end on the server, and the process that sent it still holds the right to send."""

    @pytest.fixture
    def ended(self, wandb_server: LocalServer) -> Iterator[RunDir]:
        """The directory of such a run, the right to send it held."""
        with new_run("p", mode="online", run_id="many", quiet=True) as run:
            run.log({"i": 0})
        assert wandb_server.runs[0].state == "finished"
        assert run.dir is not None
        run_dir = RunDir(run.dir)
        run_dir.lock_upload()
        yield run_dir
        run_dir.unlock_upload()

    def joined(self, **settings: Any) -> Run:
        run = new_run("p", mode="online", run_id="many", resume="allow", quiet=True, **settings)
        for i in (1, 2):
            run.log({"i": i})
        return run

    def test_its_rows_are_sent_once_the_other_is_gone(self, ended: RunDir, wandb_server: LocalServer) -> None:
        """It does not take the end of before for its own."""
        run = self.joined(close_timeout=PATIENCE)
        letting_go = threading.Timer(0.5, ended.unlock_upload)
        letting_go.start()
        report = run.finish()
        letting_go.join()
        assert (report.finished, report.remaining) == (True, 0)
        assert [row["i"] for row in wandb_server.runs[0].history] == [0, 1, 2]

    def test_what_is_not_sent_is_not_called_finished(self, ended: RunDir, caplog: pytest.LogCaptureFixture) -> None:
        """The other stays for too long: one line says what is left."""
        assert ended.path.is_dir()
        report = self.joined(close_timeout=0.2).finish()
        assert not report.finished
        assert report.remaining >= 2
        assert "not sent yet" in caplog.messages[-1]
