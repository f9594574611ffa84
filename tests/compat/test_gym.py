"""`init(monitor_gym=True)`: recorded videos are logged. The recorders stand in for those of gymnasium 0.29 and 1.0."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import wandb_logging.compat as wandb
from wandb_logging.testing import LocalServer

# What a recorder of 0.29 and a wrapper of 1.0 have that matters here: where the video goes, and when it is there.
VERSIONS = {
    "0.29": """
from pathlib import Path

class VideoRecorder:
    enabled = True
    def __init__(self, path): self.path = path
    def close(self): Path(self.path).write_bytes(b"mp4")
""",
    "1.0": """
from pathlib import Path

class RecordVideo:
    def __init__(self, path):
        self.video_folder, self._video_name = str(Path(path).parent), Path(path).stem
    def stop_recording(self):
        Path(self.video_folder, self._video_name + ".mp4").write_bytes(b"mp4")
        self._video_name = None
""",
}


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    wrappers = tmp_path / "path" / "gymnasium" / "wrappers"
    home = wrappers / "monitoring" if request.param == "0.29" else wrappers
    home.mkdir(parents=True)
    for folder in {home, wrappers, wrappers.parent}:
        (folder / "__init__.py").write_text("")
    module = home / ("video_recorder.py" if request.param == "0.29" else "__init__.py")
    module.write_text(VERSIONS[request.param])
    monkeypatch.syspath_prepend(str(tmp_path / "path"))
    yield request.param
    wandb.teardown()
    for name in [name for name in sys.modules if name.partition(".")[0] == "gymnasium"]:
        del sys.modules[name]


def test_each_video_is_logged(version: str, wandb_server: LocalServer, tmp_path: Path) -> None:
    """Once, also where two runs asked for it; under its number where it has one."""
    for _ in range(2):
        run = wandb.init(project="p", id="r", monitor_gym=True, reinit="finish_previous", resume="allow")
    place = "gymnasium.wrappers.monitoring.video_recorder" if version == "0.29" else "gymnasium.wrappers"
    recorder = getattr(importlib.import_module(place), "VideoRecorder" if version == "0.29" else "RecordVideo")
    for name in ("openaigym.video.3.0.video000001", "rl-video-episode-0"):
        made = recorder(str(tmp_path / f"{name}.mp4"))
        made.close() if version == "0.29" else made.stop_recording()
    run.finish()
    rows = [row for row in wandb_server.run("r").history if "videos" in row or "video.3" in row]
    assert [sorted({"videos", "video.3"} & row.keys()) for row in rows] == [["video.3"], ["videos"]]
    assert {content for name, content in wandb_server.run("r").files.items() if name.endswith(".mp4")} == {b"mp4"}


def test_without_such_a_library_it_is_said(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run begins all the same."""
    for name in ("gym", "gymnasium"):
        monkeypatch.setitem(sys.modules, name, None)
    with wandb.init(mode="offline", monitor_gym=True) as run:
        run.log({"a": 1})
    assert any("monitor_gym=True" in record.getMessage() for record in caplog.records)
