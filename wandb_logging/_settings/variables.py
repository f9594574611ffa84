"""Environment variables that are no settings: for the programs that a process starts, and of terminals."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from typing import Any

RUN = "WANDB_LOGGING_RUN"
"""The variable with the settings that a process hands to the program that it starts as a run."""


def is_within(run_id: str | None) -> bool:
    """Whether this process was started inside that run. The run then ends with the process that began it."""
    return run_id is not None and (inherited_settings() or {}).get("run_id") == run_id


def inherited_settings() -> dict[str, Any] | None:
    """Settings of the run that this process was started in; None if it was not started in one."""
    try:
        about = json.loads(os.environ.get(RUN) or "null")
    except ValueError:
        return None
    return about if isinstance(about, dict) else None


def put_on_python_path(folder: str) -> None:
    """Have Python processes that this one starts import from a folder first. Calling it again changes nothing."""
    os.environ["PYTHONPATH"] = python_path_with([folder])


def python_path_with(folders: Sequence[str]) -> str:
    """The `PYTHONPATH` for a program that is to import from these folders before all others."""
    return os.pathsep.join([*folders, *_python_path_but(folders)])


def take_off_python_path(folder: str) -> None:
    """Undo `put_on_python_path`."""
    if others := _python_path_but([folder]):
        os.environ["PYTHONPATH"] = os.pathsep.join(others)
    else:
        os.environ.pop("PYTHONPATH", None)


def _python_path_but(folders: Sequence[str]) -> list[str]:
    """The parts of our `PYTHONPATH` without some folders. An empty part is the working directory, as in `src:`."""
    given = os.environ.get("PYTHONPATH", "")
    return [part for part in given.split(os.pathsep) if part not in folders] if given else []


def takes_colour() -> bool:
    """Whether a terminal takes colours: not with NO_COLOR or TERM=dumb, nor on an old Windows console."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return os.name != "nt" or "WT_SESSION" in os.environ
