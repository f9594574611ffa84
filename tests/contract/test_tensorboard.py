"""What becomes of TensorBoard event files: beside what the official SDK makes of the same ones."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wandb_logging import new_run
from wandb_logging._cli import main
from wandb_logging.testing import LocalServer

pytestmark = pytest.mark.contract
pytest.importorskip("wandb", reason="the official SDK is not installed")
pytest.importorskip("tensorboardX", reason="tensorboardX writes the files")

WRITE = """
import numpy as np, sys
from tensorboardX import SummaryWriter
for name in ("train", "val"):
    with SummaryWriter(sys.argv[1] + "/" + name) as writer:
        for step in range(0, 50, 10):
            writer.add_scalar("loss", 1 / (step + 1), step)
            writer.add_scalar("acc/top1", step, step)
        writer.add_histogram("weights", np.arange(10.0), 60, bins=5)
"""
OFFICIAL = """
import sys
import wandb
run = wandb.init(project="p", id="one")
exec(sys.argv[2])
for name in ("train", "val"):  # what wandb.tensorboard.patch does when a writer begins; it needs all of TensorBoard
    run._tensorboard_callback(sys.argv[1] + "/" + name, save=True, root_logdir=sys.argv[1])
run.finish()
"""


def rows_of(server: LocalServer) -> list[dict[str, Any]]:
    """The rows without the clock; writers are told apart by their folder, in no order between them."""
    (run,) = server.runs
    rows = [
        {key: value for key, value in row.items() if key not in {"_runtime", "_step", "_timestamp"}}
        for row in run.history
    ]
    return sorted(rows, key=lambda row: (max(row), row["global_step"]))


def test_rows_are_those_of_the_official_sdk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Names, steps and values of scalars and histograms are the same, digit for digit."""
    with LocalServer() as server:
        program = ["-c", OFFICIAL, str(tmp_path / "theirs"), WRITE]
        env = {**os.environ, **server.env(), "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}
        subprocess.run([sys.executable, *program], env=env, check=True, timeout=300)
        theirs = rows_of(server)
    with LocalServer() as server:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        with new_run(project="p", run_id="one", tensorboard=str(tmp_path / "ours")):
            subprocess.run([sys.executable, "-c", WRITE, str(tmp_path / "ours")], check=True, timeout=300)
        ours = rows_of(server)
        assert server.unexpected_violations == []
    assert [sorted(row) for row in ours] == [sorted(row) for row in theirs]
    assert ours == theirs


def test_files_from_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`sync` makes the same rows of files that are there already as the official SDK makes of them as they come."""
    logs = tmp_path / "logs"
    with LocalServer() as server:
        program = ["-c", OFFICIAL, str(logs), WRITE]
        env = {**os.environ, **server.env(), "WANDB_DIR": str(tmp_path), "WANDB_SILENT": "true"}
        subprocess.run([sys.executable, *program], env=env, check=True, timeout=300)
        theirs = rows_of(server)
    with LocalServer() as server:
        for name, value in server.env().items():
            monkeypatch.setenv(name, value)
        assert main(["sync", str(logs)]) == 0
        assert rows_of(server) == theirs
        assert server.unexpected_violations == []


def test_times_are_the_writers(tmp_path: Path, wandb_server: LocalServer) -> None:
    """A row's `_timestamp` is when its values were written, images are images, hyperparameters are config."""
    write = """
import numpy as np, sys
from tensorboardX import SummaryWriter
with SummaryWriter(sys.argv[1]) as writer:
    writer.add_scalar("loss", 1, 1, walltime=1000.5)
    writer.add_image("picture", np.zeros((3, 4, 4), dtype=np.uint8), 2)
    writer.add_hparams({"lr": 0.25}, {"best": 1.0})
"""
    with new_run(project="p", run_id="one", tensorboard=str(tmp_path / "logs")):
        subprocess.run([sys.executable, "-c", write, str(tmp_path / "logs")], check=True, timeout=300)
    run = wandb_server.run("one")
    assert [row["_timestamp"] for row in run.history if "loss" in row] == [1000.5]
    (picture,) = (row["picture"] for row in run.history if "picture" in row)
    assert (picture["_type"], picture["width"], picture["height"]) == ("image-file", 4, 4)
    assert run.files[picture["path"]].startswith(b"\x89PNG")
    assert run.config["lr"] == 0.25
