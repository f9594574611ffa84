"""`resume: auto`: keeps in a file beside the run directories which run the next start of the program goes on with.

The file exists from a run's start until the run ends with exit code 0, so a run that failed or was killed is continued.
Its form is the official SDK's, in another folder: `wandb_cache/wandb-resume.json`, `{"run_id": "..."}` (protocol 3.5).
Each job, array task and rank of a scheduler has a file of its own, such as `wandb-resume-slurm-12_3-r1.json`: when it
is requeued or restarted, it goes on with its own run and never with another one's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

from wandb_logging._errors import SettingsError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import safe_files
from wandb_logging._journal.cache_folder import find_run
from wandb_logging._settings.settings import Settings
from wandb_logging._values.plain import dumps, loads

_MOST = 2**16  # most bytes of the file, which another program may have written


def is_wanted(settings: Settings, key: str) -> bool:
    """Whether to note the run for the next start: the settings ask for it, or a scheduler restarts it (`key`)."""
    unsaid = settings.resume is settings.resume_from is settings.fork_from is settings.run_id is None
    return settings.mode != "disabled" and (settings.resume == "auto" or (bool(key) and unsaid))


def resolved(settings: Settings, mine: Collection[str], key: str) -> Settings:
    """Replace `auto` in settings by what it means now: to continue the run that did not end well, or that of `run_id`.

    A run that is alive in another process is not joined: it may be that of another task of the same array, for example.

    Args:
        mine: ids of the runs that are alive in this process.
        key: identifies the job, array task and rank whose run it is, if several use one cache folder; else "".
    """
    known = settings.run_id or _noted(settings.cache_dir, key)
    try:
        own = settings.but(resume="allow" if known else None, run_id=known)
    except SettingsError:
        return settings.but(resume=None)  # the file was not written by us
    if settings.run_id is None and known and known not in mine and _goes_on_elsewhere(own):
        return settings.but(resume=None)
    return own


def _goes_on_elsewhere(settings: Settings) -> bool:
    run = RunInfo(settings.run_id or "", settings.project, host=settings.host)
    here = find_run(settings.cache_dir, run)
    return here is not None and not here.dead()


def note(cache_dir: Path, run_id: str, key: str) -> None:
    """Have the next start go on with this run. If the file cannot be written, the next start begins another run."""
    with contextlib.suppress(OSError):
        safe_files.replace(cache_dir, _name(key), dumps({"run_id": run_id}), durable=False)


def forget(cache_dir: Path, key: str) -> None:
    """Have the next start begin another run, because this one has ended well."""
    with contextlib.suppress(OSError):
        safe_files.remove(cache_dir, _name(key))


def _name(key: str) -> str:
    return f"wandb-resume{'-' if key else ''}{key}.json"


def _noted(cache_dir: Path, key: str) -> str | None:
    try:
        value = loads(safe_files.read(cache_dir, _name(key), _MOST))
    except (OSError, ValueError):
        return None
    run_id = value.get("run_id") if isinstance(value, dict) else None
    return run_id if isinstance(run_id, str) else None
