from __future__ import annotations

import sys
from pathlib import Path

import pytest

import wandb_logging
from tests.cli.commands import child, offline_run
from wandb_logging._cli import charts, main


class TestShow:
    def test_all(self, capsys: pytest.CaptureFixture[str]) -> None:
        """Who the run is, config, summary, and a chart of each metric."""
        offline_run("a1", rows=20, config={"lr": 0.01, "net": {"layers": [1, 2]}}, notes="a\x1b[31m note")
        assert main(["show", "a1"]) == 0
        out = capsys.readouterr().out
        assert "state    offline, exit code 0\n" in out
        assert "notes    a?[31m note\n" in out
        assert "config\n  lr          0.01\n  net.layers  [1, 2]\n" in out
        assert "summary\n  loss     0.05\n  val.acc  1.9\n" in out
        assert "loss  last 0.05" in out
        assert "val.acc  last 1.9" in out
        assert "\x1b" not in out
        assert max(map(len, out.splitlines())) <= 120

    @pytest.mark.parametrize("path", ["wandb_cache/digits/a1", "a1"])
    def test_one_metric(self, path: str, capsys: pytest.CaptureFixture[str]) -> None:
        """By path or by id; with `--metric` only that is shown."""
        offline_run("a1")
        assert main(["show", path, "--metric", "val.acc"]) == 0
        out = capsys.readouterr().out
        assert "val.acc" in out
        assert "loss" not in out

    def test_unknown_metric(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A metric that is not there is an error with the nearest names."""
        offline_run("a1")
        assert main(["show", "a1", "--metric", "val_acc"]) == 1
        assert capsys.readouterr().err == "wandb-logging: no numbers under the metric 'val_acc'; there are: val.acc\n"

    def test_unknown_run(self, capsys: pytest.CaptureFixture[str]) -> None:
        """A run that is not there is an error that says where was looked."""
        assert main(["show", "zz"]) == 1
        assert "none in wandb_cache has this id" in capsys.readouterr().err

    def test_one_id_in_two_projects(self, capsys: pytest.CaptureFixture[str]) -> None:
        """An id that fits several runs is an error with their paths."""
        offline_run("a1")
        wandb_logging.new_run("letters", run_id="a1", mode="offline").finish()
        assert main(["show", "a1"]) == 1
        said = capsys.readouterr().err
        assert str(Path("wandb_cache/digits/a1")) in said
        assert str(Path("wandb_cache/letters/a1")) in said

    def test_many_metrics(self, capsys: pytest.CaptureFixture[str]) -> None:
        """The first eight are drawn, the others named."""
        run = offline_run("a1", rows=0, exit_code=None)
        run.log({f"m{number}": number for number in range(10)})
        run.finish()
        assert main(["show", "a1"]) == 0
        assert capsys.readouterr().out.endswith("\n2 more, with --metric NAME: m8, m9\n")

    @pytest.mark.parametrize("blocked", [True, False])
    def test_without_charts(
        self, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *, blocked: bool
    ) -> None:
        """Without plotext, or where its characters cannot be printed, the numbers come as a table."""
        offline_run("a1", rows=2)
        if blocked:
            monkeypatch.setitem(sys.modules, "plotext", None)
        else:
            monkeypatch.setattr(charts, "draws", lambda: False)
        assert main(["show", "a1", "--metric", "loss"]) == 0
        out = capsys.readouterr().out
        assert "METRIC  POINTS  FIRST  LOWEST  HIGHEST  LAST\nloss         2      1     0.5        1   0.5\n" in out
        assert ("pip install 'wandb-logging[cli]'" in out) == blocked

    def test_ascii_pipe(self) -> None:
        """Into a pipe of ASCII everything comes out, `?` for what it cannot take."""
        offline_run("a1", name="été")
        process = child("show", "a1", env={"PYTHONIOENCODING": "ascii"})
        out, err = process.communicate()
        assert (process.returncode, err) == (0, "")
        assert out.isascii()
        assert "name     ?t?\n" in out
        assert "METRIC" in out

    def test_narrow(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        """Charts are as wide as the terminal."""
        monkeypatch.setenv("COLUMNS", "60")
        offline_run("a1", rows=20)
        assert main(["show", "a1", "--metric", "loss"]) == 0
        assert max(map(len, capsys.readouterr().out.splitlines())) == 60
