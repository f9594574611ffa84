"""Runs as TensorBoard's event files, read by TensorBoard itself."""

from __future__ import annotations

import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.runs import START, make_run, row
from wandb_logging import Image, new_run
from wandb_logging._cli import main
from wandb_logging._formats.tensorboard_export import export_tensorboard
from wandb_logging._journal.rundir import RunDir

accumulator = pytest.importorskip(
    "tensorboard.backend.event_processing.event_accumulator", reason="TensorBoard is not installed"
)


def seen(folder: Path) -> Any:
    """What TensorBoard reads in the folder of a run, every value of it."""
    found = accumulator.EventAccumulator(str(folder), size_guidance={"tensors": 0})
    found.Reload()
    return found


def points(folder: Path, tag: str) -> list[tuple[int, float, Any]]:
    """Step, time and value of each point that TensorBoard has of a tag."""
    from tensorboard.util.tensor_util import make_ndarray

    return [(each.step, each.wall_time, make_ndarray(each.tensor_proto)) for each in seen(folder).Tensors(tag)]


class TestValues:
    def test_numbers_with_their_steps_and_times(self, tmp_path: Path) -> None:
        """Each value is there at its step and time, to the last bit, also what is no finite number."""
        values = [0.1, 1 / 3, 1e300, float("inf"), -7, 2**53 + 2]
        events = [
            {"metrics": {"train/loss": value, "val": {"acc": value}}, "step": 10 * number, "t": START + number / 8}
            for number, value in enumerate(values)
        ]
        done = export_tensorboard(make_run(tmp_path / "runs", events), tmp_path / "tb")
        assert (done.rows, done.left_out) == (6, {})
        for tag in ("train/loss", "val.acc"):
            assert points(done.path.parent, tag) == [
                (10 * number, START + number / 8, float(value)) for number, value in enumerate(values)
            ]

    def test_nan(self, tmp_path: Path) -> None:
        """NaN is one in TensorBoard, too."""
        done = export_tensorboard(make_run(tmp_path / "runs", [row(float("nan"))]), tmp_path / "tb")  # type: ignore[arg-type]
        ((_, _, value),) = points(done.path.parent, "n")
        assert math.isnan(value)

    def test_an_image_that_is_named_after_its_row(self, tmp_path: Path) -> None:
        """Runs that were imported say at their end which files they have; their images are taken over as well."""
        image = {"_type": "image-file", "path": "media/images/a.png", "width": 1, "height": 1}
        file = {"file": {"name": "media/images/a.png", "path": "files/a.png"}, "t": START}
        run_dir = make_run(tmp_path / "runs", [{"metrics": {"sample": image}, "t": START}, file])
        (run_dir.path / "files").mkdir(exist_ok=True)
        (run_dir.path / "files" / "a.png").write_bytes(b"png")
        done = export_tensorboard(run_dir, tmp_path / "tb")
        assert done.left_out == {}
        assert points(done.path.parent, "sample")[0][2].tolist()[2] == b"png"

    def test_texts_histograms_and_images(self, tmp_path: Path) -> None:
        """Each goes to the plugin that draws it."""
        numpy = pytest.importorskip("numpy")
        pytest.importorskip("PIL")
        with new_run("p", mode="offline", cache_dir=tmp_path / "runs", quiet=True) as run:
            run.log({"note": "hello", "weights": {"_type": "histogram", "values": [1, 3], "bins": [0.0, 0.5, 2.0]}})
            run.log({"sample": Image(numpy.zeros((3, 5, 3), dtype="uint8"))})
        assert run.dir is not None
        folder = export_tensorboard(RunDir(run.dir), tmp_path / "tb").path.parent
        plugins = seen(folder).PluginTagToContent
        assert set(plugins("text")) == {"note"}
        assert set(plugins("histograms")) == {"weights"}
        assert set(plugins("images")) == {"sample"}
        assert points(folder, "note")[0][2].tolist() == [b"hello"]
        assert points(folder, "weights")[0][2].tolist() == [[0.0, 0.5, 1.0], [0.5, 2.0, 3.0]]
        width, height, picture = points(folder, "sample")[0][2].tolist()
        assert (width, height, picture[:4]) == (b"5", b"3", b"\x89PNG")

    def test_config_is_hyperparameters(self, tmp_path: Path) -> None:
        """The table of hyperparameters has the config, and how the run ended."""
        from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

        config = {"lr": 0.1, "model": {"depth": 3}, "opt": "sgd", "amp": True, "none": None}
        run_dir = make_run(tmp_path / "runs", [row(1), {"exit": 1, "t": START + 2}], config=config)
        content = seen(export_tensorboard(run_dir, tmp_path / "tb").path.parent).PluginTagToContent("hparams")
        begun = HParamsPluginData.FromString(content["_hparams_/session_start_info"]).session_start_info
        found = {name: getattr(value, value.WhichOneof("kind")) for name, value in begun.hparams.items()}
        assert found == {"lr": 0.1, "model.depth": 3.0, "opt": "sgd", "amp": True}
        ended = HParamsPluginData.FromString(content["_hparams_/session_end_info"]).session_end_info
        assert ended.status == 2  # STATUS_FAILURE

    def test_system_metrics(self, tmp_path: Path) -> None:
        """Samples are at the second of the run, in a section of their own; nothing else of them is a curve."""
        events = [{"system": {"cpu": 12.5, "gpu.0.temp": 60}, "t": START + 15}]
        folder = export_tensorboard(make_run(tmp_path / "runs", events), tmp_path / "tb").path.parent
        assert points(folder, "system/cpu") == [(15, START + 15, 12.5)]
        assert points(folder, "system/gpu.0.temp") == [(15, START + 15, 60.0)]
        assert set(seen(folder).PluginTagToContent("scalars")) == {"system/cpu", "system/gpu.0.temp"}


class TestLeftOut:
    def test_what_has_no_place_is_counted(self, tmp_path: Path) -> None:
        """Lists, tables and a metric that changes its kind are named; the other values of the row are there."""
        events = [
            {"metrics": {"n": 1, "list": [1, 2], "m": 1, "table": {"_type": "table-file"}}, "t": START},
            {"metrics": {"n": 2, "m": "text"}, "t": START + 1},
        ]
        done = export_tensorboard(make_run(tmp_path / "runs", events), tmp_path / "tb")
        assert done.left_out == {"list": 1, "str": 1, "table-file": 1}
        assert [value for _, _, value in points(done.path.parent, "n")] == [1.0, 2.0]

    def test_names_that_are_no_folders(self, tmp_path: Path) -> None:
        """A run's name cannot leave the folder, and two of one name are two."""
        for run_id in ("a", "b"):
            run_dir = make_run(tmp_path / "runs", [row(1)], name="../../x/y\\z:\0", id=run_id)
            path = export_tensorboard(run_dir, tmp_path / "tb").path
            assert path.parent.parent == tmp_path / "tb"
        assert len(list((tmp_path / "tb").iterdir())) == 2

    def test_runs_that_are_called_the_same(self, tmp_path: Path) -> None:
        """Two projects, and a copy in another folder, may have a run of one name and id: each is there, by itself."""
        for number, (place, project) in enumerate((("runs", "p"), ("runs", "q"), ("edited", "p"))):
            make_run(tmp_path / place, [row(number)], name="try", id="same", project=project, start=START + number)
        places = [str(tmp_path / "runs"), str(tmp_path / "edited")]
        for _again in range(2):
            assert main(["export", *places, "--tensorboard", "-o", str(tmp_path / "tb")]) == 0
            folders = sorted((tmp_path / "tb").iterdir())
            assert [len(list(folder.iterdir())) for folder in folders] == [1, 1, 1]
            assert [[value for _, _, value in points(folder, "n")] for folder in folders] == [[0.0], [1.0], [2.0]]


class TestCommand:
    def test_the_command_and_the_server(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        """`export --tensorboard` twice is there once, and TensorBoard's own inspector finds every step."""
        for number in range(2):
            make_run(tmp_path / "runs", [row(step) for step in range(5)], name=f"try {number}")
        command = ["export", str(tmp_path / "runs"), "--tensorboard", "-o", str(tmp_path / "tb")]
        assert main(command) == 0
        assert main(command) == 0
        assert capsys.readouterr().out.count("(5 rows)") == 4
        inspect = [sys.executable, "-m", "tensorboard.main", "--inspect", "--logdir", str(tmp_path / "tb")]
        shown = subprocess.run(inspect, capture_output=True, text=True, timeout=300, check=True).stdout
        assert len(re.findall(r"last_step +4\n", shown)) == 2
        assert shown.count("outoforder_steps     []") == 2
