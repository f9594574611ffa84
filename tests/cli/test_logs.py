from __future__ import annotations

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cli.commands import offline_run
from tests.runs import START, add, make_run
from wandb_logging._cli import logs, main
from wandb_logging._journal.rundir import RunDir

if TYPE_CHECKING:
    import pytest


def texts(*lines: str) -> list[dict[str, Any]]:
    return [{"text": line, "level": "INFO", "t": START} for line in lines]


def text_run(run_id: str, *lines: str, closed: bool = True, start: float = START) -> RunDir:
    return make_run(Path("wandb_cache"), texts(*lines), closed=closed, id=run_id, start=start)


def last_words(out: str) -> list[str]:
    return [line.split()[-1] for line in out.splitlines()]


class TestLogs:
    def test_lines(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The text lines of a run, in order, without a program's colours; the newest run where none is named."""
        text_run("old", "old")
        text_run("a1", "one", "\x1b[32mtwo\x1b[0m", start=START + 1)
        assert main(["logs"]) == 0
        assert last_words(capsys.readouterr().out) == ["one", "two"]
        assert main(["logs", "old"]) == 0
        assert last_words(capsys.readouterr().out) == ["old"]

    def test_the_last_ones(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`--lines` gives as many from the end, also none, or all there are."""
        text_run("a1", "one", "two", "three")
        for number, expected in ((0, []), (1, ["three"]), (9, ["one", "two", "three"])):
            assert main(["logs", "-n", str(number)]) == 0
            assert last_words(capsys.readouterr().out) == expected

    def test_follow(self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        """With `-f` lines come as the run logs them, until it ends; none is missing, none comes twice."""
        monkeypatch.setattr(logs, "_LOOK_AGAIN", 0.01)
        run_dir = text_run("a1", "0")
        writer = run_dir.writer()
        looked = threading.Event()
        alive = RunDir.alive

        def alive_and_seen(run_dir: RunDir) -> bool:
            looked.set()
            return alive(run_dir)

        monkeypatch.setattr(RunDir, "alive", alive_and_seen)

        def go_on() -> None:
            looked.wait(120)
            for number in range(1, 50):
                add(writer, texts(str(number)))
            writer.close()

        program = threading.Thread(target=go_on)
        program.start()
        assert main(["logs", "-f"]) == 0
        program.join()
        assert last_words(capsys.readouterr().out) == list(map(str, range(50)))

    def test_a_progress_bar(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A line that was written over stands there once, as it was last."""
        output = [{"output": f"\r{part}%", "error": True, "t": START} for part in (0, 50, 100)]
        make_run(Path("wandb_cache"), output, id="a1")
        assert main(["logs"]) == 0
        assert last_words(capsys.readouterr().out) == ["100%"]

    def test_none(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Where there is no run, that is said; a run without text has no lines."""
        assert main(["logs"]) == 1
        assert capsys.readouterr().err == "wandb-logging: no runs in wandb_cache\n"
        offline_run("a1")
        assert main(["logs", "a1"]) == 0
        assert capsys.readouterr().out == ""
