"""Copies and pickles runs: a copy is the same run, and a process that unpickles one joins it.

Frameworks copy and pickle objects that they are given (`copy.deepcopy` of an estimator, arguments of a spawned
process).
"""

from __future__ import annotations

import os
import socket
from pathlib import Path
from typing import Any

from wandb_logging._errors import LogError
from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.rundir import RunDir
from wandb_logging._settings.settings import Settings


def ticket_of(path: Path | None, info: RunInfo, settings: Settings, mode: str, label: str | None) -> dict[str, Any]:
    """What another process needs to join a run, limited to what can be pickled, and without the API key.

    Args:
        path: the run's directory; None if it has none.
        info: the run's identity.
        settings: its settings.
        mode: its mode.
        label: label of the process that makes the ticket; None if it has none.

    Raises:
        LogError: the run has no directory.
    """
    if path is None and mode != "disabled":
        raise LogError(f"run {info.id} has no directory: it cannot be pickled, because nobody could join it")
    theirs = settings.but(
        run_id=info.id,
        # The process that began the run sends what others write into its directory.
        mode="disabled" if mode == "disabled" else "offline",
        resume="allow",
        resume_from=None,
        fork_from=None,
        api_key=None,
        on_stop=None,
        config=None,
        signals=[],
        capture_output=False,
        exit_hooks=False,
        system_metrics=False,
        log_stats=False,
        tensorboard=None,
        recover=False,
        **dict.fromkeys(("name", "notes", "tags", "group", "job_type")),
    )
    whose = f"pid {os.getpid()} on {socket.gethostname()}"
    return {"settings": theirs, "path": path, "label": label, "from": whose, "writer_id": info.writer_id}


def check(ticket: dict[str, Any]) -> None:
    """Make sure that this process can join a run.

    Raises:
        LogError: the run has ended, or its directory cannot be reached.
    """
    settings, path = ticket["settings"], ticket["path"]
    if path is not None and not (is_in_sight(ticket) and RunDir(path).alive()):
        raise LogError(
            f"run {settings.run_id} was pickled by {ticket['from']} and cannot be joined here: it has ended, or its "
            f"directory {path} is on another machine. Begin a run here, or unpickle while that one goes on. "
            f"For workers on other machines, `join` has the argument `address`."
        )


def is_in_sight(ticket: dict[str, Any]) -> bool:
    """Whether this process sees the directory of a run: False on another machine without a common disk."""
    path = ticket["path"]
    # Of that name there may be the directory of another worker on this machine: it is another one of the same run.
    return path is None or (RunDir(path).said_in("run.json") or {}).get("writer_id") == ticket["writer_id"]
