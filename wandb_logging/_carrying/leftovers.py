"""Carries what workers of the same run left on this disk when they were killed. The next worker here does that."""

from __future__ import annotations

import contextlib
from pathlib import Path

from wandb_logging._carrying.carrier import Carrier
from wandb_logging._errors import JournalError
from wandb_logging._journal.cache_folder import find_runs
from wandb_logging._journal.rundir import RunDir

_MOST_SECONDS = 600.0  # for one directory


def carry_leftovers(own: Path, address: tuple[str, int], token: bytes) -> None:
    """Carry the directories of workers that are gone, one after the other, and remove those that nothing is left in.

    Args:
        own: the directory of this worker; those of the others are beside it.
        address, token: as for `Carrier`.
    """
    run_id = (RunDir(own).said_in("run.json") or {}).get("id")
    for run_dir in find_runs(own.parent):
        said = run_dir.said_in("run.json") or {}
        source, is_sent = said.get("client_label"), run_dir.said_in("server.json") is not None
        if run_dir.path == own or said.get("id") != run_id or not isinstance(source, str) or is_sent:
            continue
        if run_dir.is_carried and run_dir.dead():
            carrier = Carrier(run_dir, source, address, token, int, lambda _reason: None)
            with contextlib.suppress(JournalError, OSError, RuntimeError):  # another worker here does it, or the next
                carrier.start()
                carrier.finish(_MOST_SECONDS)
