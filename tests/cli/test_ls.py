from __future__ import annotations

import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.cli.commands import offline_run
from wandb_logging._cli import main
from wandb_logging._cli.states import state_of
from wandb_logging._journal.reader import Reader
from wandb_logging._journal.rundir import RunDir
from wandb_logging._reading.outline import Outline

ENDED = Outline(path=Path("r1"), info={}, exit_code=0, finished=True, alive=False, unsent=0, logged=1)


class TestLs:
    def test_no_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An empty place is said; a folder that was typed wrong is an error."""
        assert main(["ls"]) == 0
        assert capsys.readouterr().out == "no runs in wandb_cache\n"
        assert main(["ls", "elsewhere"]) == 1
        assert capsys.readouterr().err == "wandb-logging: elsewhere: no such folder\n"

    def test_runs(self, capsys: pytest.CaptureFixture[str]) -> None:
        """One line a run, oldest first, with how it stands."""
        offline_run("a1", name="first try")
        offline_run("b2", rows=0, exit_code=1)
        going = offline_run("c3", exit_code=None)
        assert main(["ls", "wandb_cache"]) == 0
        going.finish()
        lines = [line.split() for line in capsys.readouterr().out.splitlines()]
        assert lines[0] == ["ID", "PROJECT", "NAME", "STATE", "LINES", "UNSENT", "AGE"]
        assert lines[1][:7] == ["a1", "digits", "first", "try", "offline", "4", "4"]
        assert lines[2][:6] == ["b2", "digits", "-", "crashed", "1", "1"]
        assert lines[3][:6] == ["c3", "digits", "-", "running", "3", "3"]

    def test_rows_are_not_lines_of_the_journal(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A piece of output is one line of it, whatever is found in it: rows and text are counted by themselves."""
        run = offline_run("a1", rows=2, exit_code=None, text_metrics={"rules": [{"line": "iter {step}: cost {cost}"}]})
        run.log_output("iter 10: cost 0.5\niter 11: cost 0.4\nready\n")
        run.finish()
        assert main(["ls", "--columns", "id,lines,rows,texts"]) == 0
        head, line = (line.split() for line in capsys.readouterr().out.splitlines())
        assert head == ["ID", "LINES", "ROWS", "TEXTS"]
        assert line == ["a1", "4", "4", "3"]
        assert main(["ls", "--columns", "id", "--sort", "rows"]) == 0

    def test_one_bad_directory(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A directory that cannot be read costs its own line only, and the exit code."""
        offline_run("a1")
        bad = Path("wandb_cache/digits/bad")
        bad.mkdir()
        (bad / "run.json").write_text("{")
        assert main(["ls"]) == 1
        captured = capsys.readouterr()
        assert "a1" in captured.out
        assert captured.err.startswith("wandb-logging: ")
        assert "bad" in captured.err

    def test_a_run_that_has_lost_its_run_json(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A directory that holds a journal and no run.json is not passed over: it may hold rows that nobody has."""
        offline_run("a1")
        offline_run("b2")
        Path("wandb_cache/digits/b2/run.json").unlink()
        assert main(["ls", "--columns", "id"]) == 1
        captured = capsys.readouterr()
        assert captured.out.split() == ["ID", "a1"]
        words = "has a journal, but no run.json: `wandb-logging repair` can make a new one"
        assert captured.err == f"wandb-logging: wandb_cache/digits/b2 {words}\n"
        assert main(["export", "--csv"]) == 1
        assert capsys.readouterr().err == captured.err
        assert main(["show", "wandb_cache/digits/b2"]) == 1
        assert capsys.readouterr().err == captured.err
        assert main(["repair", "--yes", "wandb_cache/digits/b2"]) == 0
        assert main(["ls", "--columns", "id"]) == 0

    def test_two_runs_of_one_id(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Each is shown under the name that `show` and `sync` take."""
        offline_run("a1", rows=1)
        offline_run("a1", rows=2)
        assert main(["ls"]) == 0
        assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["ID", "a1", "a1.2"]
        assert main(["show", "a1.2"]) == 0
        assert "logged   2 rows" in capsys.readouterr().out

    @pytest.mark.parametrize("command", ["ls", "status", "sync"])
    def test_a_folder_that_may_not_be_read(
        self, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """It is named, and costs the exit code: its runs are not just missing."""

        def refuse(_path: object) -> None:
            raise PermissionError(13, "Permission denied", "wandb_cache/closed")

        monkeypatch.setattr(os, "scandir", refuse)
        assert main([command]) == 1
        captured = capsys.readouterr()
        assert captured.err == "wandb-logging: wandb_cache/closed: Permission denied\n"
        assert "no runs" not in captured.out

    @pytest.mark.parametrize("command", ["ls", "status"])
    def test_a_journal_that_may_not_be_read(
        self, command: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The run is named, the others are shown."""
        offline_run("a1")
        offline_run("b2")
        looks = "scan_after" if command == "ls" else "lines_after"
        look = getattr(RunDir, looks)

        def refuse_one(run_dir: RunDir, *args: Any) -> Any:
            if run_dir.path.name == "a1":
                raise PermissionError(13, "Permission denied", "a1/journal")
            return look(run_dir, *args)

        monkeypatch.setattr(RunDir, looks, refuse_one)
        assert main([command]) == 1
        captured = capsys.readouterr()
        assert captured.err == "wandb-logging: a1/journal: Permission denied\n"
        assert ("b2" if command == "ls" else "1 run, 1 with 4 lines to send") in captured.out

    def test_narrow(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """On a terminal long names are cut to its width; into a pipe they go whole."""
        monkeypatch.setenv("COLUMNS", "60")
        monkeypatch.setenv("NO_COLOR", "1")
        offline_run("a1", name="a name that is far too long for a narrow terminal")
        assert main(["ls"]) == 0
        assert "narrow terminal" in capsys.readouterr().out
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        assert main(["ls"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) <= 60

    def test_rows_are_not_read(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """A run of a million rows is listed as quickly as their lines are counted."""
        offline_run("a1")
        here = threading.get_ident()
        read = Reader.read

        def watched(*args: Any, **options: Any) -> Any:
            if threading.get_ident() == here:  # the thread of another test's run may go on for a moment
                pytest.fail("rows were read")
            return read(*args, **options)

        monkeypatch.setattr(Reader, "read", watched)
        assert main(["ls"]) == 0
        assert "a1" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("changes", "state"),
        [
            ({}, "finished"),
            ({"finished": False}, "offline"),
            ({"unsent": 1}, "offline"),
            ({"exit_code": 1}, "crashed"),
            ({"exit_code": None, "finished": False}, "crashed"),
            ({"exit_code": None, "finished": False, "alive": True}, "running"),
            ({"alive": True}, "finished"),
        ],
    )
    def test_state(self, changes: dict[str, Any], state: str) -> None:
        """Who lives is running; who ended badly or silently crashed; who waits to be sent is offline."""
        assert state_of(replace(ENDED, **changes)) == state
