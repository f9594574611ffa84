"""The environment variables that tell a program which run it is in, mostly before that run has begun."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from wandb_logging._launch.here import launch_here
from wandb_logging._launch.launch import Launch
from wandb_logging._settings.settings import SETTINGS, Settings
from wandb_logging._settings.variables import RUN, python_path_with
from wandb_logging._values.ids import new_id

FOLDER = str(Path(__file__).parent / "child")
"""Begins the PYTHONPATH of such a program: `sitecustomize` in it takes records to the run."""

AS_WANDB = str(Path(__file__).parent.parent / "compat" / "_as_wandb")
"""Begins it where `import wandb` is to find `wandb_logging.compat`."""


_OF_RECORDS = (
    "step_key", "dict_message", "dict_args", "late_steps", "late_step_metric", "alert_level", "alert_wait_duration",
    "mask_secrets", "secret_names", "text_format", "console",
)  # fmt: skip


OF_LAUNCH = ("launched", "writer_label")
"""What a program is told beside settings: as which rank `run` was started, and the label of what that rank writes."""


def launched() -> list[Any] | None:
    """Which rank of how many this process is, and by what; None if it was started alone.

    The id of the launch is left out, for it may be that of the parent process.
    """
    here = launch_here()
    return [here.by, here.rank, here.world_size, here.task] if here != Launch() else None


def decided(settings: Settings) -> Settings | None:
    """Settings that already say which run it will be; None if only the begun run can say that.

    With these settings the program need not wait for its run, which takes longer to begin than most programs.
    """
    others = (settings.resume, settings.resume_from, settings.fork_from)
    if settings.mode == "disabled" or any(others) or launch_here() != Launch():
        return None
    if str(settings.cache_dir).startswith("~"):
        return None
    try:
        cache_dir = settings.cache_dir.absolute()
    except OSError:  # the working directory was removed
        return None
    if not _can_be_written(cache_dir):  # then the run is in memory, and a program that looks for it would wait in vain
        return None
    return settings.but(run_id=settings.run_id or new_id(), cache_dir=cache_dir)


def _can_be_written(folder: Path) -> bool:
    """Whether a file can be made in a folder and have some content. Makes the folder, which the run will need."""
    probe = folder / f"{new_id()}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b" ")
        finally:
            probe.unlink()
    except OSError:
        return False
    return True


def variables(settings: Settings, *, as_wandb: bool, **known: Any) -> dict[str, str]:
    """The environment variables for a program.

    Args:
        settings: the settings of the program's run.
        as_wandb: whether `import wandb` in the program is to find this package.
        **known: run_id, cache_dir and mode, as the run has decided them, and what `OF_LAUNCH` names.
    """
    about: dict[str, Any] = {
        "project": settings.project,
        "entity": settings.entity,
        "run_id": settings.run_id,
        "cache_dir": str(settings.cache_dir),
        "host": settings.host,
        "mode": settings.mode,
        **known,
        **_of_records(settings),
    }
    if settings.transport == "shared":  # otherwise the program would look for another directory
        about.update(transport="shared", label=settings.label)
    return {
        RUN: json.dumps(about),
        "WANDB_LOGGING_METRICS_KEY": settings.metrics_key,
        **(_for_wandb(settings) if as_wandb else {}),
        **untold(as_wandb=as_wandb),
    }


def _for_wandb(settings: Settings) -> dict[str, str]:
    """Variables by which the runs that a program begins itself go where the one around it goes, unless it says more."""
    given = {
        "WANDB_MODE": settings.mode if settings.mode in {"offline", "disabled"} else None,
        "WANDB_PROJECT": _changed(settings, "project"),
        "WANDB_ENTITY": _changed(settings, "entity"),
        "WANDB_BASE_URL": _changed(settings, "host"),
    }
    return {name: value for name, value in given.items() if value}


def _changed(settings: Settings, name: str) -> Any:
    """The value of a setting; None if it is the default."""
    value = getattr(settings, name)
    return None if value == SETTINGS[name].default else value


def _of_records(settings: Settings) -> dict[str, Any]:
    """The settings that say what becomes of a log record, where they are not the defaults."""
    changed = {name: _changed(settings, name) for name in _OF_RECORDS}
    args = (settings.text_metrics or {}).get("args")
    told = {**changed, "text_metrics": {"args": args} if args else None}
    return {name: value for name, value in told.items() if value is not None}


def untold(*, as_wandb: bool) -> dict[str, str]:
    """The environment variables for a program whose run cannot be joined."""
    return {"PYTHONPATH": python_path_with([FOLDER, *([AS_WANDB] if as_wandb else [])])}
