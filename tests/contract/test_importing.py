"""The official SDK's offline runs, imported, and sent beside what `wandb sync` sends of the same file."""

from __future__ import annotations

import json
import math
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wandb_logging import read_run, sync
from wandb_logging._cli import main
from wandb_logging._formats.importing import find_logs, import_log
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract
pytest.importorskip("wandb", reason="the official SDK is not installed")

PROGRAM = """
import wandb
run = wandb.init(project="p", name="n", config={"lr": 0.1, "a": {"b": 1}}, tags=["x"], notes="hi", group="g")
run.define_metric("val/*", step_metric="epoch", summary="min")
for i in range(300):
    row = {"loss": 1 / (i + 1), "nan": float("nan"), "val": {"acc": i}, "val/f1": -i, "epoch": i // 10, "s": f"t {i}"}
    run.log(row)
    if i % 50 == 0:
        print("line", i)
run.summary["best"] = 3
run.config["later"] = {"x": [1, 2]}
run.finish(FINISH)
"""


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder `wandb` of an offline run of the official SDK."""
    folder = tmp_path_factory.mktemp("official")
    env = {**os.environ, "WANDB_MODE": "offline", "WANDB_DIR": str(folder), "WANDB_SILENT": "true"}
    subprocess.run([sys.executable, "-c", PROGRAM.replace("FINISH", "3")], env=env, check=True, timeout=300)
    return folder / "wandb"


def official(path: Path) -> Any:
    """What `wandb sync` makes of a file."""
    with LocalServer() as server:
        env = {**os.environ, **server.env()}
        subprocess.run(
            [sys.executable, "-m", "wandb", "sync", str(path)], env=env, check=False, timeout=300, capture_output=True
        )
        return server.runs[0]


def comparable(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows without the clock, and with a NaN that equals itself."""
    return [{key: _comparable(value) for key, value in row.items() if key != "_runtime"} for row in rows]


def _comparable(value: Any) -> Any:
    return "NaN" if isinstance(value, float) and math.isnan(value) else value


def without_stamp(lines: list[str]) -> list[str]:
    return [line.split(" ", 1)[-1] for line in lines]


class TestImported:
    def test_rows_config_and_summary_are_those_of_wandb_sync(
        self, offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An imported run is on the server what `wandb sync` makes of it."""
        (log,) = find_logs(offline)
        theirs = official(log.parent)
        with LocalServer() as server:
            for name, value in server.env().items():
                monkeypatch.setenv(name, value)
            done = import_log(log, tmp_path, server.url)
            sync(tmp_path)
            (ours,) = server.runs
            assert server.unexpected_violations == []
        assert (done.rows, done.lost, done.left_out, done.ended) == (300, (), {}, True)
        assert comparable(ours.history) == comparable(theirs.history)
        # Ours counts in whole microseconds.
        ran = [(our["_runtime"], their["_runtime"]) for our, their in zip(ours.history, theirs.history)]
        assert [pair for pair in ran if abs(pair[0] - pair[1]) > 2e-6] == []
        assert ours.config == theirs.config
        ignored = {"_runtime", "_wandb", "_timestamp"}
        summaries = [{k: v for k, v in run.summary.items() if k not in ignored} for run in (ours, theirs)]
        assert comparable(summaries[:1]) == comparable(summaries[1:])
        for name in ("id", "display_name", "tags", "notes", "group", "state", "exit_code"):
            assert getattr(ours, name) == getattr(theirs, name), name
        assert (
            json.loads(ours.config_json)["_wandb"]["value"]["m"]
            == json.loads(theirs.config_json)["_wandb"]["value"]["m"]
        )
        assert "requirements.txt" in ours.files
        assert without_stamp(ours.output) == without_stamp(theirs.output)

    def test_again_is_nothing(self, offline: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """The second import of a file says that it is here; `ls` shows one run."""
        assert main(["import", str(offline), "--into", str(tmp_path)]) == 0
        assert main(["import", str(offline), "--into", str(tmp_path)]) == 0
        assert capsys.readouterr().out.count("is here already") == 1
        assert len(list(tmp_path.glob("*/*/run.json"))) == 1

    def test_cut_at_200_places(self, offline: Path, tmp_path: Path) -> None:
        """Wherever a file is cut, what is whole is imported, never a row that was not, and what is lost is said."""
        (log,) = find_logs(offline)
        data = log.read_bytes()
        whole = [row["_step"] for row in read_run(import_log(log, tmp_path / "whole", "http://h").path or "").rows]
        rows_before = -1
        for number in range(200):
            cut = 7 + (len(data) - 7) * number // 200
            piece = tmp_path / "cut" / f"{number:03}" / "run.wandb"
            piece.parent.mkdir(parents=True)
            piece.write_bytes(data[:cut])
            done = import_log(piece, tmp_path / "into" / f"{number:03}", "http://h")
            if done.error:
                assert done.path is None
                assert rows_before <= 0
                continue
            assert done.path is not None
            assert [row["_step"] for row in read_run(done.path).rows] == whole[: done.rows]
            assert done.rows >= rows_before
            rows_before = done.rows
            assert not done.ended
        assert rows_before > 250

    @pytest.mark.parametrize("place", [40, 127, 199])
    def test_what_is_left_is_what_wandb_sync_sends(
        self, offline: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: int
    ) -> None:
        """A sample of these places: rows, config, text, summary and state are what the official sync makes of it."""
        (log,) = find_logs(offline)
        data = log.read_bytes()
        piece = tmp_path / log.parent.name / log.name
        piece.parent.mkdir()
        piece.write_bytes(data[: 7 + (len(data) - 7) * place // 200])
        theirs = official(piece.parent)
        with LocalServer() as server:
            for name, value in server.env().items():
                monkeypatch.setenv(name, value)
            done = import_log(piece, tmp_path / "into", server.url)
            sync(tmp_path / "into")
            (ours,) = server.runs
        assert [lost.tail for lost in done.lost] == [True]
        assert len(ours.history) == done.rows > 0
        assert comparable(ours.history) == comparable(theirs.history)
        assert (ours.config, ours.state, ours.exit_code) == (theirs.config, theirs.state, theirs.exit_code)
        assert without_stamp(ours.output) == without_stamp(theirs.output)
        ignored = {"_runtime", "_wandb", "_timestamp"}
        summaries = [{k: v for k, v in run.summary.items() if k not in ignored} for run in (ours, theirs)]
        assert comparable(summaries[:1]) == comparable(summaries[1:])

    def test_links_and_paths_out_of_the_folder_are_left(self, offline: Path, tmp_path: Path) -> None:
        """A file of the run that is a link is not taken along, and counted as left."""
        shutil.copytree(offline, tmp_path / "wandb", symlinks=True)
        (log,) = find_logs(tmp_path / "wandb")
        secret = tmp_path / "secret"
        secret.write_text("private")
        (log.parent / "files" / "requirements.txt").unlink()
        (log.parent / "files" / "requirements.txt").symlink_to(secret)
        done = import_log(log, tmp_path / "into", "http://h")
        assert (done.files, done.left_out) == (0, {"file": 1})
        assert not any(
            "private" in path.read_text("utf-8", "replace") for path in (tmp_path / "into").rglob("*") if path.is_file()
        )
