from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import UNREACHABLE, child, offline_run
from wandb_logging._cli import main
from wandb_logging._cli.progress import Progress
from wandb_logging._cli.reports import report_line
from wandb_logging._report import Report
from wandb_logging._sending import sync

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer


class TestSync:
    def test_everything_once(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """All runs are sent and finished; a second time there is nothing left to send."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", rows=1, exit_code=3, host=wandb_server.url)
        assert main(["sync"]) == 0
        captured = capsys.readouterr()
        first, second = captured.out.splitlines()
        assert first == f"digits/a1: 3 rows sent, finished: {wandb_server.url}/local-team/digits/runs/a1"
        assert second.startswith("digits/b2: 1 row sent, marked as failed (exit code 3): ")
        assert len(wandb_server.run("a1").history) == 3
        assert wandb_server.run("b2").exit_code == 3
        assert main(["sync", "wandb_cache/digits"]) == 0
        assert len(wandb_server.run("a1").history) == 3
        assert main(["ls"]) == 0
        assert "finished" in capsys.readouterr().out

    def test_a_run_that_was_withdrawn(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """Its run.json has another name because all of it is on the server: nothing is lost, and nothing to repair."""
        offline_run("a1", host=wandb_server.url)
        folder = Path("wandb_cache/digits/a1")
        (folder / "run.json").rename(folder / "sent.json")
        for command in ("sync", "ls", "verify"):
            assert main([command]) == 0
        assert "run.json" not in capsys.readouterr().err
        assert wandb_server.runs == []

    def test_a_part_of_a_run(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """How a process with a label ended is not how the run did: another one tells that."""
        for label, code in (("node2", 1), ("node3", 0)):
            offline_run("a1", exit_code=code, label=label, host=wandb_server.url, transport="shared")
        assert main(["sync"]) == 0
        said = capsys.readouterr().out
        assert "failed" not in said
        assert "finished" not in said
        assert "digits/a1: 3 rows sent, all that node2 logged: " in said
        assert wandb_server.run("a1").exit_code is None

    @pytest.mark.not_quick
    def test_a_run_that_was_deleted_there(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """Asked of by name, it is not called sent; `--as-new` sends it. Where nobody can be asked, it was sent."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        assert main(["sync"]) == 0
        wandb_server.delete_run("a1")
        capsys.readouterr()
        assert main(["sync", "b2"]) == 0
        assert main(["sync", "a1"]) == 1
        captured = capsys.readouterr()
        assert captured.out.startswith("digits/b2: already sent: 3 rows")
        assert "does not have run a1 any more" in captured.err
        command = captured.err.split("`")[1]
        assert main(shlex.split(command)[1:]) == 0
        assert "3 rows sent" in capsys.readouterr().out
        assert main(["sync", "a1"]) == 0
        assert len(wandb_server.runs) == 2
        wandb_server.fail_always(status=503)
        assert main(["sync", "a1"]) == 0
        assert "already sent: 3 rows" in capsys.readouterr().out

    def test_other_host(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """With `--host` runs go elsewhere than they were made for."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["sync", "wandb_cache/digits/a1", "--host", wandb_server.url]) == 0
        assert len(wandb_server.run("a1").history) == 3

    def test_to_another_entity(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """An entity that does not exist is refused with the option that helps; what it did is remembered."""
        offline_run("a1", entity="mistyped", host=wandb_server.url)
        assert main(["sync"]) == 1
        assert "`wandb-logging sync --entity TEAM --project NAME wandb_cache/digits/a1`" in capsys.readouterr().err
        assert main(["sync", "--entity", "local-team", "--project", "numbers"]) == 0
        url = f"{wandb_server.url}/local-team/numbers/runs/a1"
        assert capsys.readouterr().out == f"digits/a1: 3 rows sent, finished: {url}\n"
        assert main(["sync"]) == 0
        assert capsys.readouterr().out == f"digits/a1: already sent: 3 rows, finished: {url}\n"
        assert main(["show", "a1"]) == 0
        assert f"{url}\n" in capsys.readouterr().out

    def test_as_new(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """All of a run goes again, as another run with the name it is given."""
        offline_run("a1", host=wandb_server.url)
        main(["sync"])
        assert main(["sync", "a1", "--as-new", "--name", "again"]) == 0
        assert [len(run.history) for run in wandb_server.runs] == [3, 3]
        assert wandb_server.runs[1].display_name == "again"
        assert "3 rows sent, finished" in capsys.readouterr().out

    @pytest.mark.parametrize("wish", [["--as-new"], ["--id", "b"], ["--name", "b"]])
    def test_which_run(self, wish: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """What is one run's is not done to all there are because none was named."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["sync", *wish]) == 2
        assert f"{wish[0]}: say of which run" in capsys.readouterr().err

    @pytest.mark.parametrize("wish", [["--id", "b", "--as-new"], ["--id", "a/b"], ["--project", "a/b"]])
    def test_wishes_that_cannot_be(self, wish: list[str], capsys: pytest.CaptureFixture[str]) -> None:
        """They are wrong usage, said in one line."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["sync", "a1", *wish]) == 2
        assert capsys.readouterr().err.count("\n") == 1

    def test_what_is_left(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Without a key everything stays: exit code 1, one line that says what to do."""
        offline_run("a1", host=UNREACHABLE)
        assert main(["sync"]) == 1
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith("wandb-logging: digits/a1: 4 lines left: ")
        assert captured.err.count("\n") == 1
        assert "wandb-logging login" in captured.err

    def test_each_reason_once(self, capsys: pytest.CaptureFixture[str]) -> None:
        """What is wrong for many runs is one line, not many."""
        for run_id in ("a1", "b2", "c3"):
            offline_run(run_id, host=UNREACHABLE)
        assert main(["sync"]) == 1
        said = capsys.readouterr().err
        assert said.startswith(f"wandb-logging: digits/a1 and 2 more runs: 12 lines left: {UNREACHABLE}: no API key")
        assert said.count("\n") == 1

    def test_timeout(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """When the time is over the rest is left, exit code 1."""
        offline_run("a1", host=wandb_server.url)
        assert main(["sync", "--timeout", "0"]) == 1
        assert main(["sync"]) == 0

    def test_no_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Nothing to send is no failure; a path that was typed wrong is wrong usage."""
        assert main(["sync"]) == 0
        assert capsys.readouterr().out == "no runs in wandb_cache\n"
        assert main(["sync", "elsewhere"]) == 2
        assert capsys.readouterr().err == (
            "wandb-logging: elsewhere: there is no run, and none in wandb_cache has this id or name: "
            "see `wandb-logging ls`\n"
        )

    def test_by_id(self, wandb_server: LocalServer) -> None:
        """What `ls` and `sync` call a run can be typed: its id, or project and id."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        assert main(["sync", "a1"]) == 0
        assert [run.id for run in wandb_server.runs] == ["a1"]
        assert main(["sync", "digits/b2"]) == 0
        assert [run.id for run in wandb_server.runs] == ["a1", "b2"]

    def test_a_path_given_twice(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that is named by two paths is one run."""
        offline_run("a1", host=wandb_server.url)
        assert main(["sync", "wandb_cache", "wandb_cache/digits/a1"]) == 0
        assert len(capsys.readouterr().out.splitlines()) == 1

    def test_one_cannot_be_sent(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """One that cannot be sent has its own line; the others are sent, and the exit code tells."""
        offline_run("a1", host=wandb_server.url)
        bad = Path("wandb_cache/digits/bad")
        bad.mkdir()
        (bad / "run.json").write_text('{"format": 1, "id": "bad"}')
        offline_run("c3", host=wandb_server.url)
        assert main(["sync"]) == 1
        captured = capsys.readouterr()
        assert [line.split(":")[0] for line in captured.out.splitlines()] == ["digits/a1", "digits/c3"]
        assert captured.err == f"wandb-logging: digits/bad: {bad / 'run.json'} has no project\n"

    @pytest.mark.not_quick
    def test_one_has_lost_its_run_json(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """What is in its journal is not sent, and that is not passed over in silence."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        Path("wandb_cache/digits/b2/run.json").unlink()
        assert main(["sync"]) == 1
        captured = capsys.readouterr()
        assert captured.out.startswith("digits/a1: 3 rows sent, finished: ")
        words = "has a journal, but no run.json: `wandb-logging repair` can make a new one"
        assert captured.err == f"wandb-logging: wandb_cache/digits/b2 {words}\n"

    def test_what_was_sent_before(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """A second time only what is new has a line of its own."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        main(["sync"])
        offline_run("c3", host=wandb_server.url)
        capsys.readouterr()
        assert main(["sync"]) == 0
        first, second = capsys.readouterr().out.splitlines()
        assert first.startswith("digits/c3: 3 rows sent, finished")
        assert second == "2 runs: already sent"
        assert main(["sync", "a1"]) == 0
        assert capsys.readouterr().out.startswith("digits/a1: already sent: 3 rows, finished: ")

    def test_beside_the_run_that_sends_itself(
        self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A run in the hands of a living process is no failure: one line says whose, and the exit code is 0."""
        run = offline_run("a1", exit_code=None, host=wandb_server.url, mode="online")
        assert main(["sync"]) == 0
        captured = capsys.readouterr()
        who = f"pid {os.getpid()} on {socket.gethostname()}"
        assert (captured.out, captured.err) == (f"digits/a1: is being sent by {who}, and left to it\n", "")
        run.finish()
        assert len(wandb_server.run("a1").history) == 3

    def test_beside_another_host_that_may_be_gone(
        self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The line says who holds the run, and when `sync` may be tried again; then it is sent."""
        run = offline_run("a1", host=wandb_server.url)
        assert run.dir is not None
        lock = run.dir / "upload.lock"
        said = {"pid": 4711, "host": "node7", "boot": "b", "device": -2, "lease": 120.0, "term": 1}
        lock.write_text(json.dumps(said))
        earlier = lock.stat().st_mtime - 30
        os.utime(lock, (earlier, earlier))
        assert main(["sync"]) == 0
        out = capsys.readouterr().out
        who = "pid 4711 on node7"
        said_then = f"digits/a1: is being sent by {who}, and left to it. If {who} is gone, try again in "
        found = re.fullmatch(f"{re.escape(said_then)}([0-9]+) s\n", out)
        assert found is not None, out
        assert 0 <= int(found[1]) <= 90  # of the lease of 120 s, 30 were over
        assert wandb_server.runs == []
        earlier -= 120
        os.utime(lock, (earlier, earlier))
        assert main(["sync"]) == 0
        assert len(wandb_server.run("a1").history) == 3

    def test_follow(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """With `--follow` a run that goes on is sent as it goes, until it ends."""
        monkeypatch.setattr(sync, "FOLLOW_INTERVAL", 0.01)
        run = offline_run("a1", exit_code=None, host=wandb_server.url)

        def go_on() -> None:
            wandb_server.wait_for(lambda: len(wandb_server.run("a1").history) == 3)
            run.log({"loss": 0.0})
            run.finish()

        program = threading.Thread(target=go_on)
        program.start()
        assert main(["sync", "--follow"]) == 0
        program.join()
        assert len(wandb_server.run("a1").history) == 4
        assert capsys.readouterr().out.splitlines()[-1].startswith("digits/a1: 4 rows sent, finished")

    @pytest.mark.not_quick
    @pytest.mark.skipif(os.name == "nt", reason="Ctrl-C is sent in another way on Windows")
    def test_ctrl_c(self, wandb_server: LocalServer) -> None:
        """Ctrl-C says what was sent and what is left, with exit code 130; the next sync sends the rest."""
        offline_run("a1", host=wandb_server.url)
        offline_run("b2", host=wandb_server.url)
        wandb_server.fail_next(10, where="file_stream", retry_after=60)
        process = child("sync")
        wandb_server.wait_for(lambda: any(request.status == 503 for request in wandb_server.requests))
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
        assert process.returncode == 130
        assert err == "wandb-logging: stopped; 8 lines left. The same command goes on from here\n"
        wandb_server.clear_faults()
        assert main(["sync"]) == 0
        assert [len(run.history) for run in wandb_server.runs] == [3, 3]

    def test_bar(
        self, wandb_server: LocalServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """On a terminal there is a bar, which goes away at the end; what goes on and on says how to leave it."""
        monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
        offline_run("a1", host=wandb_server.url)
        assert main(["sync", "--follow"]) == 0
        said = capsys.readouterr().err
        assert said.startswith("wandb-logging: sending until every run has ended; Ctrl-C stops, and loses nothing\n")
        assert "100%" in said

    def test_progress_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Elsewhere a run says at most every few seconds how far it is."""
        path = Path("digits/a1")
        progress = Progress({path: 30})
        with progress:
            for left in (20, 10, 0):
                progress.show(Report("a1", "digits", path=path, rows=30 - left, remaining=left))
        assert capsys.readouterr().out == "digits/a1: 10 rows sent, 20 lines left\n"
        assert progress.left == 0
        assert [report.rows for report in progress.reports] == [30]

    @pytest.mark.parametrize(
        ("report", "line"),
        [
            (Report("a", "p"), "p/a: nothing logged, the run goes on"),
            (
                Report("a", "p", rows=2, lines=1, files=3),
                "p/a: 2 rows, 1 text line, 3 files sent, the run goes on",
            ),
            (Report("a", "p", rows=1, finished=True, exit_code=1), "p/a: 1 row sent, marked as failed (exit code 1)"),
            (Report("a", "p", rows=1, finished=True, exit_code=1, label="w"), "p/a: 1 row sent, all that w logged"),
            (Report("a", "p", rows=1, remaining=2), "p/a: 1 row sent, 2 lines left"),
            (
                Report("a", "p", rows=1, set_aside=2, path=Path("x/p/a.2"), finished=True, url="u"),
                f"p/a.2: 1 row sent, 2 set aside (aside.jsonl in {Path('x/p/a.2')}), finished: u",
            ),
        ],
    )
    def test_report_line(self, report: Report, line: str) -> None:
        """A report is one line."""
        assert report_line(report) == line
