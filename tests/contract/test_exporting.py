"""Our runs as the official SDK's offline runs: `wandb sync` sends them as ours does, and `wandb leet` reads them."""

from __future__ import annotations

import json
import math
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runs import START, make_run, row
from wandb_logging import new_run, read_run, sync
from wandb_logging._cli import main
from wandb_logging._formats.wandb_export import export_wandb
from wandb_logging._formats.wandb_import import find_logs, import_log
from wandb_logging._journal.rundir import RunDir
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract
pytest.importorskip("wandb", reason="the official SDK is not installed")

OURS_ALONE = {"_wandb", "_runtime", "_timestamp"}


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> RunDir:
    """A run with something of each kind that a journal can hold, which failed."""
    tmp = tmp_path_factory.mktemp("ours")
    (tmp / "notes.txt").write_text("a file of the run")
    settings: dict[str, Any] = {"tags": ["x", "y"], "notes": "hi", "group": "g", "config": {"lr": 0.1, "a": {"b": 1}}}
    run = new_run("p", run_id="mine", name="n", mode="offline", cache_dir=tmp / "runs", quiet=True, **settings)
    run.define_metric("val/*", step_metric="epoch", summary="min")
    for i in range(300):
        run.log({"loss": 1 / (i + 1), "nan": float("nan"), "val": {"acc": i}, "val/f1": -i, "epoch": i // 10, "s": "t"})
    run.log({"hist": {"_type": "histogram", "values": [1, 2], "bins": [0.5, 1.5, 2.5]}}, step=400)
    run.alert("loss went up", "by a third", level="WARN", wait_duration=0)
    run.update_config(later={"x": [1, 2]})
    run.summary["best"] = 3
    run.save(tmp / "notes.txt", base_path=tmp)
    run.finish(3)
    assert run.dir is not None
    return RunDir(run.dir)


def official(path: Path) -> Any:
    """What `wandb sync` makes of a folder."""
    with LocalServer() as server:
        env = {**os.environ, **server.env()}
        command = [sys.executable, "-m", "wandb", "sync", str(path)]
        said = subprocess.run(command, env=env, check=True, timeout=300, capture_output=True, text=True)
        assert "incomplete" not in said.stdout + said.stderr
        assert server.unexpected_violations == []
        return server.runs[0]


def comparable(values: dict[str, Any]) -> dict[str, Any]:
    """A row or summary with a NaN that equals itself."""
    return {key: "NaN" if isinstance(value, float) and math.isnan(value) else value for key, value in values.items()}


def without_stamp(lines: list[str]) -> list[str]:
    return [re.sub(r"\d{4}-\S+ ", "", line, count=1) for line in lines]


class TestWandbSync:
    def test_it_sends_what_ours_sends(self, run_dir: RunDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Rows, config, summary, definitions, files, alerts and how it ended: the server has the same run."""
        done = export_wandb(run_dir, tmp_path / "wandb")
        theirs = official(done.path)
        with LocalServer() as server:
            monkeypatch.setenv("WANDB_API_KEY", server.api_key)
            assert [report.error for report in sync(run_dir.path, host=server.url)] == [None]
            ours = server.runs[0]
        assert (done.rows, done.left_out) == (301, {})
        assert [*map(comparable, theirs.history)] == [*map(comparable, ours.history)]
        assert theirs.config == ours.config == {"lr": 0.1, "a": {"b": 1}, "later": {"x": [1, 2]}}
        summaries = [
            comparable({key: value for key, value in run.summary.items() if key not in OURS_ALONE})
            for run in (theirs, ours)
        ]
        assert summaries[0] == summaries[1]
        for name in ("id", "display_name", "tags", "notes", "group", "state", "exit_code", "alerts"):
            assert getattr(theirs, name, None) == getattr(ours, name, None), name
        metrics = [json.loads(run.config_json)["_wandb"]["value"]["m"] for run in (theirs, ours)]
        assert metrics[0] == metrics[1]
        assert theirs.files["notes.txt"] == b"a file of the run"
        assert set(theirs.files) == set(ours.files)

    def test_text_with_times_errors_and_progress_bars(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Text lines are the same on the server, those that were written over and over in their last form."""
        events: list[dict[str, Any]] = [
            {"text": "starts", "level": "INFO", "t": START},
            {"output": "epoch 1:  10%", "t": START + 1},
            {"text": "bad batch", "level": "ERROR", "logger": "train", "t": START + 2},
            {"output": "\repoch 1: 100%\n", "t": START + 3},
            {"output": "Traceback\n", "error": True, "t": START + 4},
            {"exit": 0, "t": START + 5},
        ]
        run_dir = make_run(tmp_path / "runs", events)
        theirs = official(export_wandb(run_dir, tmp_path / "wandb").path)
        with LocalServer() as server:
            monkeypatch.setenv("WANDB_API_KEY", server.api_key)
            sync(run_dir.path, host=server.url)
            ours = server.runs[0]
        assert without_stamp(theirs.output) == without_stamp(ours.output)
        assert any("epoch 1: 100%" in line for line in theirs.output)

    def test_a_run_that_does_not_say_how_it_ended(self, tmp_path: Path) -> None:
        """`wandb sync` calls it failed, as ours does."""
        run_dir = make_run(tmp_path / "runs", [row(number) for number in range(3)])
        theirs = official(export_wandb(run_dir, tmp_path / "wandb").path)
        assert (theirs.state, len(theirs.history)) == ("failed", 3)


class TestLeet:
    def test_it_reads_it(self, run_dir: RunDir, tmp_path: Path) -> None:
        """The SDK's own viewer shows the run's state, its config and its values."""
        done = export_wandb(run_dir, tmp_path / "wandb")
        command = [sys.executable, "-m", "wandb", "leet", "inspect", "--summary", str(done.path)]
        shown = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True).stdout
        words = " ".join(shown.split())
        for part in ("run n (mine)", "failed (exit code 3)", "step 400", "val/f1.min -299", "best 3", "lr 0.1"):
            assert part in words


class TestThereAndBack:
    def test_imported_again(self, run_dir: RunDir, tmp_path: Path) -> None:
        """What is exported and imported is the same run: rows, config, summary, exit code, machine."""
        (log,) = find_logs(export_wandb(run_dir, tmp_path / "wandb").path)
        done = import_log(log, tmp_path / "back", "http://h")
        assert (done.lost, done.left_out, done.ended) == ((), {}, True)
        assert done.path is not None
        metadata = [json.loads(each.files.read("wandb-metadata.json")) for each in (RunDir(done.path), run_dir)]
        assert metadata[0] == metadata[1]
        before, after = read_run(run_dir.path), read_run(done.path)
        assert [*map(comparable, after.rows)] == [*map(comparable, before.rows)]
        assert (after.config, after.exit_code) == (before.config, before.exit_code)
        assert comparable({**after.summary, "_runtime": 0}) == comparable({**before.summary, "_runtime": 0})

    def test_what_is_there_is_never_replaced(
        self, run_dir: RunDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        """The second export says that the first is there, and leaves it; it may be the SDK's own."""
        command = ["export", str(run_dir.path), "--wandb", "-o", str(tmp_path / "wandb")]
        assert main(command) == 0
        (log,) = find_logs(tmp_path / "wandb")
        before = log.stat()
        assert main(command) == 1
        assert "is there already" in capsys.readouterr().err
        assert (log.stat().st_mtime_ns, log.stat().st_ino) == (before.st_mtime_ns, before.st_ino)
        assert [path.name for path in (tmp_path / "wandb").iterdir()] == [log.parent.name]
