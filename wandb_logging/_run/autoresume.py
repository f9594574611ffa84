"""`resume: auto`: which run the next start goes on with, in a file beside the run directories.

The file is there from a run's start until it ends with exit code 0: a run that failed, or was killed, is gone on with.
It is the official SDK's, in another folder: `wandb_cache/wandb-resume.json`, `{"run_id": "..."}` (protocol 3.5).
Each job of a scheduler, array task and rank has one of its own, `wandb-resume-slurm-12_3-r1.json`: a requeue or restart
goes on with its own run, never with a stranger's.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection
from pathlib import Path

from wandb_logging._errors import SettingsError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal import door
from wandb_logging._journal.cache_folder import find_run
from wandb_logging._settings.settings import Settings
from wandb_logging._values.plain import dumps, loads

_MOST = 2**16  # bytes of the file, which others may have put there


def is_wanted(settings: Settings, key: str = "") -> bool:
    """Whether a run is to be noted, for the next start to go on with: asked for, or restarted by what gave the key."""
    unsaid = settings.resume is settings.resume_from is settings.fork_from is settings.run_id is None
    return settings.mode != "disabled" and (settings.resume == "auto" or (bool(key) and unsaid))


def resolved(settings: Settings, mine: Collection[str] = (), key: str = "") -> Settings:
    """Settings that say `auto`, with what it means now: the run that did not end well, or the one of `run_id`.

    A run that goes on in another process is a stranger's, such as another task of the same array: it is not joined.

    Args:
        mine: ids of the runs that go on in this process.
        key: whose run, where several go on in one cache folder: a job, its array task, its rank.
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


def note(cache_dir: Path, run_id: str, key: str = "") -> None:
    """Have the next start go on with this run. Where that cannot be written, it begins another."""
    with contextlib.suppress(OSError):
        door.replace(cache_dir, _name(key), dumps({"run_id": run_id}), durable=False)


def forget(cache_dir: Path, key: str = "") -> None:
    """The run has ended well: the next start begins another."""
    with contextlib.suppress(OSError):
        door.remove(cache_dir, _name(key))


def _name(key: str) -> str:
    return f"wandb-resume{'-' if key else ''}{key}.json"


def _noted(cache_dir: Path, key: str) -> str | None:
    try:
        value = loads(door.read(cache_dir, _name(key), _MOST))
    except (OSError, ValueError):
        return None
    run_id = value.get("run_id") if isinstance(value, dict) else None
    return run_id if isinstance(run_id, str) else None
