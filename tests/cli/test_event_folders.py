from __future__ import annotations

import shutil
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.commands import child
from tests.patience import PATIENCE, wait_until
from wandb_logging import read_runs
from wandb_logging._cli import main

if TYPE_CHECKING:
    from wandb_logging.testing import LocalServer

tensorboard = pytest.importorskip("tensorboardX", reason="tensorboardX writes the files: the extra test has it")


def write(name: str, steps: range = range(3)) -> None:
    with tensorboard.SummaryWriter(name, filename_suffix=f".{steps.start}") as writer:
        for step in steps:
            writer.add_scalar("loss", step / 4, step)


def history(server: LocalServer) -> dict[str, list[float]]:
    return {run.display_name: [row["loss"] for row in run.history] for run in server.runs}


class TestSync:
    @pytest.mark.not_quick
    def test_folders_become_runs(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """Each run of a log folder is a run, named by its folder; a second time nothing is sent twice."""
        write("runs/PPO_1")
        write("runs/deep/PPO_2", range(2))
        assert main(["sync", "runs"]) == 0
        assert "runs/PPO_1: 3 new rows for " in capsys.readouterr().out
        assert history(wandb_server) == {"PPO_1": [0.0, 0.25, 0.5], "deep/PPO_2": [0.0, 0.25]}
        assert [run.state for run in wandb_server.runs] == ["finished", "finished"]
        assert main(["sync", "runs"]) == 0
        assert history(wandb_server) == {"PPO_1": [0.0, 0.25, 0.5], "deep/PPO_2": [0.0, 0.25]}
        write("runs/PPO_1", range(3, 5))
        assert main(["sync", "runs/PPO_1", "--project", "uncategorized"]) == 0
        assert history(wandb_server)["PPO_1"] == [0.0, 0.25, 0.5, 0.75, 1.0]
        assert wandb_server.unexpected_violations == []

    @pytest.mark.not_quick
    def test_a_copy_is_a_run_by_itself(self, wandb_server: LocalServer) -> None:
        """As of a training that goes on from another; one that was moved is the run that it was."""
        write("runs/first")
        shutil.copytree("runs/first", "runs/second")
        write("runs/second", range(3, 5))
        expected = {"first": [0.0, 0.25, 0.5], "second": [0.0, 0.25, 0.5, 0.75, 1.0]}
        for _ in range(2):
            assert main(["sync", "runs"]) == 0
            assert history(wandb_server) == expected
        Path("runs").rename("moved")
        assert main(["sync", "moved"]) == 0
        assert history(wandb_server) == expected

    def test_a_damaged_file_is_said(self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]) -> None:
        """What is whole is sent, and the exit code says that something is not."""
        write("runs")
        (path,) = Path("runs").iterdir()
        data = bytearray(path.read_bytes())
        data[-8] ^= 1
        path.write_bytes(data)
        assert main(["sync", "runs"]) == 1
        assert "damaged at byte" in capsys.readouterr().err
        assert history(wandb_server) == {"runs": [0.0, 0.25]}

    def test_a_file_damaged_at_its_beginning_is_said(
        self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A folder of which nothing can be read is not one that has nothing in it yet."""
        Path("bad").mkdir()
        Path("bad/events.out.tfevents.1.host").write_bytes(bytes(range(200)))
        assert main(["sync", "bad"]) == 1
        said = capsys.readouterr()
        assert "damaged at byte 0" in said.err
        assert said.out == ""

    def test_a_folder_without_an_event_is_no_error(
        self, wandb_server: LocalServer, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """A writer that has only begun has made an empty file."""
        Path("new").mkdir()
        Path("new/events.out.tfevents.1.host").touch()
        assert main(["sync", "new"]) == 0
        assert capsys.readouterr().out == "new: nothing in it yet\n"

    def test_one_file(self, wandb_server: LocalServer) -> None:
        """An event file that is named is a run by itself."""
        write("runs")
        (path,) = Path("runs").iterdir()
        assert main(["sync", str(path)]) == 0
        assert list(history(wandb_server).values()) == [[0.0, 0.25, 0.5]]


class TestOthers:
    def test_import(self, capsys: pytest.CaptureFixture[str]) -> None:
        """`import` makes the same runs, and sends nothing."""
        write("logs/train")
        write("logs/val")
        assert main(["import", "logs", "--into", "here"]) == 0
        (run,) = read_runs("here")
        assert (run.name, len(run.rows)) == ("logs", 6)

    def test_tail(self) -> None:
        """`tail` takes a folder beside a log: what is there, and what comes."""
        write("runs/train")
        Path("train.log").write_text("hello\n")
        process = child("tail", "train.log", "runs", "--no-follow", "--mode", "offline")
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        (run,) = read_runs("wandb_cache")
        assert [row["train/loss"] for row in run.rows] == [0.0, 0.25, 0.5]
        assert [line.split(" ", 1)[1] for line in run.lines] == ["hello"]

    def test_tail_waits_for_a_folder(self) -> None:
        """A folder that comes after `tail` is read as one that was there."""
        Path("settings.json").write_text('{"mode": "offline", "flush_interval": 0.1}')
        process = child("tail", "runs", "--settings", "settings.json")
        assert process.stderr is not None
        assert "no such file yet" in process.stderr.readline()
        write("elsewhere/train")
        Path("elsewhere").rename("runs")
        wait_until(lambda: any(run.rows for run in read_runs("wandb_cache")))
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        (run,) = read_runs("wandb_cache")
        assert [row["train/loss"] for row in run.rows] == [0.0, 0.25, 0.5]
