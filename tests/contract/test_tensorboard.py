"""What becomes of TensorBoard event files: beside what the official SDK makes of the same ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from wandb_logging import new_run
from wandb_logging._cli import main
from wandb_logging.compat._install import FOLDER
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
    assert (picture["_type"], picture["width"], picture["height"]) == ("images/separated", 4, 4)
    assert run.files[picture["filenames"][0]].startswith(b"\x89PNG")
    assert run.config["lr"] == 0.25


EVERYTHING = """
import numpy as np, struct, zlib
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer import event_file_writer
from tensorboard.util.tensor_util import make_tensor_proto
import wandb

def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

head = chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 8, 0, 0, 0, 0))
png = b"\\x89PNG\\r\\n\\x1a\\n" + head + chunk(b"IDAT", zlib.compress(bytes(3))) + chunk(b"IEND", b"")

def new(tag, array, plugin):
    value = summary_pb2.Summary.Value(tag=tag, tensor=make_tensor_proto(array))
    value.metadata.plugin_data.plugin_name = plugin
    return value

def old(tag, low, limits, counts):
    histogram = summary_pb2.HistogramProto(min=low, max=9, num=1, sum=1, bucket_limit=limits, bucket=counts)
    return summary_pb2.Summary.Value(tag=tag, histo=histogram)

rng = np.random.default_rng(7)
edges = np.cumsum(rng.random(1300))
counts = rng.integers(0, 9, 1299).astype(float)
images = np.array([b"2", b"1", png, png], object)
curve = np.vstack([np.zeros((4, 3)), [[0.5, 2 / 3, 0.7]], [[0.8, 0.5, 0.3]]]).astype(np.float32)
steps = {
    1: [new("single", np.float32(0.1), "scalars"), new("whole", np.int64(3), "scalars"), new("double", 0.1, "scalars")],
    2: [summary_pb2.Summary.Value(tag="old", simple_value=0.1)],
    3: [new("many", np.stack([edges[:-1], edges[1:], counts], 1), "histograms")],
    4: [old("empty first", 0, [1, 2, 3], [0, 2, 4]), old("first", 0.5, [1, 2, 3], [1, 2, 4])],
    5: [old("no bins", 0, [], []), new("no rows", np.zeros((0, 3)), "histograms")],
    6: [new("images", images, "images"), new("curve", curve, "pr_curves")],
    7: [summary_pb2.Summary.Value(tag="again", simple_value=float("inf"))],
    8: [summary_pb2.Summary.Value(tag="nine digits", simple_value=0.10009765625)],
    -2: [summary_pb2.Summary.Value(tag="back", simple_value=2)],
}
run = wandb.init(project="p", id="one", sync_tensorboard=True)
for part in ("logs/train", "logs/val"):
    writer = event_file_writer.EventFileWriter(part)
    for step, values in steps.items():
        writer.add_event(event_pb2.Event(wall_time=1e9 + step, step=step, summary=summary_pb2.Summary(value=values)))
    writer.close()
for number, step in enumerate((100, 100, 7, None)):  # a step that a program gives has no effect beside a writer
    run.log({"mine": number, "_timestamp": 2e9 + number}, step=step)
run.finish()
"""


def written(folder: Path, **more: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The rows of a program that writes event files, without clocks and random names; and the charts of the run."""
    with LocalServer() as server:
        folder.mkdir()
        env = {**os.environ, **server.env(), "WANDB_SILENT": "true", **more}
        subprocess.run([sys.executable, "-c", EVERYTHING], cwd=folder, env=env, check=True, timeout=300)
        (run,) = server.runs
        rows = run.history
        for row in rows:
            for value in row.values():
                if isinstance(value, dict):
                    paths = value.pop("filenames", None) or [value.pop("path")] if value["_type"] != "histogram" else []
                    files = [run.files[path] for path in paths]
                    value["files"] = list(map(json.loads, files)) if value["_type"] == "table-file" else files
                    value.pop("sha256", None)
            row["_runtime"] = 0
        charts = json.loads(json.dumps(run.wandb_config["visualize"]).replace(', "fields": []', ""))  # says nothing
        return sorted(rows, key=lambda row: ("train" not in str(row), row["_timestamp"], row["_step"])), charts


def test_everything_that_a_writer_writes(tmp_path: Path) -> None:
    """Names, steps, times, numbers, bins, images, tables and charts are the official SDK's, in old and new form."""
    theirs, their_charts = written(tmp_path / "theirs")
    ours, our_charts = written(tmp_path / "ours", PYTHONPATH=str(FOLDER))
    for row in (*theirs, *ours):
        row.pop("_step")  # the official SDK reads both folders at once
    assert len(theirs) == 20
    assert ours == theirs
    assert sorted(their_charts) == ["train/curve", "val/curve"]
    assert our_charts == their_charts
