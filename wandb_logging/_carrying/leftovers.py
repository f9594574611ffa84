"""Carries what workers of the same run left on this disk when they were killed. The next worker here does that."""

from __future__ import annotations

import contextlib
from pathlib import Path

from wandb_logging._carrying.carrier import Carrier
from wandb_logging._carrying.wire import Route
from wandb_logging._errors import JournalError
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir

_MOST_SECONDS = 600.0  # for one directory


def carry_leftovers(own: Path, route: Route) -> None:
    """Carry the directories of workers that are gone, one after the other, and remove those that nothing is left in.

    Args:
        own: the directory of this worker; those of the others are beside it.
        route: as for `Carrier`.
    """
    run_id = (RunDir(own).said_in("run.json") or {}).get("id")
    for run_dir in find_runs(own.parent):
        said = run_dir.said_in("run.json") or {}
        if run_dir.path == own or said.get("id") != run_id or not isinstance(said.get("client_label"), str):
            continue
        if run_dir.is_carried and run_dir.dead():
            with contextlib.suppress(JournalError, OSError, RuntimeError):  # another worker here does it, or the next
                _carry(run_dir, str(said.get("writer_id")), route)


def _carry(run_dir: RunDir, source: str, route: Route) -> None:
    run_dir.lock_upload()
    if run_dir.said_in("server.json") is not None:  # `sync` has sent it, or a part of it
        run_dir.unlock_upload()
        return
    carrier = Carrier(run_dir, source, route, int, lambda _reason: None)
    carrier.start()
    carrier.finish(_MOST_SECONDS)
