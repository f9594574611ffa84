"""The run that `wandb-logging run` has begun, as a Python program in it sees it: one more writer of its journal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from wandb_logging._run.handler import WandbHandler
from wandb_logging._run.run import Run
from wandb_logging._settings.parent import told

FOLDER = str(Path(__file__).parent / "child")
"""Begins the PYTHONPATH of such a program: `sitecustomize` in it takes records to the run."""

AS_WANDB = str(Path(__file__).parent.parent / "compat" / "_as_wandb")
"""Begins it where `import wandb` is to find `wandb_logging.compat`."""

# What the parent does for all of its writers.
_ITS_OWN = {
    "resume": "allow",
    "console": False,
    "capture_output": False,
    "system_metrics": False,
    "recover": False,
    "exit_hooks": False,
    "signals": (),
    "quiet": True,
}


def said_of(run: Run) -> dict[str, str]:
    """The variables that tell a program of the run it is in."""
    settings = run.settings
    directory = run.dir
    if directory is None:
        return {}
    about: dict[str, Any] = {
        "project": settings.project,
        "entity": settings.entity,
        "run_id": run.id,
        "cache_dir": str(directory.parent.parent),
        "host": settings.host,
        "mode": run.mode,
    }
    return {"WANDB_LOGGING_RUN": json.dumps(about), "WANDB_LOGGING_METRICS_KEY": settings.metrics_key}


def handler() -> WandbHandler | None:
    """What takes this program's records; None if it is in no such run."""
    about: Mapping[str, Any] | None = told()
    return None if about is None else WandbHandler(**{**about, **_ITS_OWN})
