"""`init(monitor_gym=True)`: logs each video that gymnasium or gym records of an environment."""

from __future__ import annotations

import functools
import importlib
import importlib.util
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from wandb_logging._media.video import Video
from wandb_logging.compat._active import current
from wandb_logging.compat._refused import say_once

_OURS = "_logged_by_wandb_logging"

# By version: where the recorder is, the method it calls when a video file is complete, and the path of that file.
_RECORDERS: tuple[tuple[str, str, str, Callable[[Any], object]], ...] = (
    ("wrappers.monitoring.video_recorder", "VideoRecorder", "close", lambda recorder: recorder.path),
    (
        "wrappers",
        "RecordVideo",
        "stop_recording",
        lambda recorder: Path(recorder.video_folder, f"{recorder._video_name}.mp4"),  # noqa: SLF001  stored nowhere else
    ),
)


def monitor() -> None:
    """Log all videos recorded from now on, and nothing else about the environments."""
    done = [
        _patch(library, *recorder) for library in ("gymnasium", "gym") if _is_there(library) for recorder in _RECORDERS
    ]
    if not any(done):
        say_once(
            "wandb.init(monitor_gym=True): no gymnasium or gym that records videos is installed, so none is logged"
        )


def _is_there(library: str) -> bool:
    try:
        return importlib.util.find_spec(library) is not None
    except ValueError:  # somebody put a module of that name into `sys.modules`
        return False


def _patch(library: str, module: str, name: str, method: str, file_of: Callable[[Any], object]) -> bool:
    """Make a recorder's method also log the file it wrote. Returns whether the recorder exists."""
    try:
        recorder = getattr(importlib.import_module(f"{library}.{module}"), name)
        official = getattr(recorder, method)
    except (ImportError, AttributeError):
        return False
    if hasattr(official, _OURS):
        return True

    @functools.wraps(official)
    def and_log(self: Any, *args: Any, **kwargs: Any) -> Any:
        file = Path(str(file_of(self)))
        before = _stamp(file)
        result = official(self, *args, **kwargs)
        if _stamp(file) not in {None, before}:
            _log(file)
        return result

    setattr(and_log, _OURS, True)
    setattr(recorder, method, and_log)
    return True


def _stamp(file: Path) -> tuple[int, int] | None:
    try:
        status = file.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


def _log(file: Path) -> None:
    run = current()
    if run is not None:
        numbered = re.search(r"video\.\d+", str(file))
        run.log({numbered[0] if numbered else "videos": Video(str(file))})
