"""Decides whether a run may be removed from the disk, for `rm` and `gc`."""

from __future__ import annotations

from wandb_logging._cli.states import is_sent
from wandb_logging._journal.rundir import ASIDE, RunDir
from wandb_logging._journal.verify import lines_in
from wandb_logging._reading.outline import outline
from wandb_logging._wording import counted


def only_here(run_dir: RunDir) -> str | None:
    """Say in words what part of a run is on this disk alone. Returns None if all of it is on the server.

    Raises:
        JournalError, OSError: the run cannot be read.
    """
    seen = outline(run_dir)
    if seen.unsent:
        return f"{counted(seen.unsent, 'line')} not sent"
    if not is_sent(seen):
        return "its end is not sent"
    kept = lines_in(run_dir.path, ASIDE)
    return f"{counted(kept, 'value')} set aside, in {ASIDE}" if kept else None


def last_change(run_dir: RunDir) -> float:
    """When something in the run's directory changed last, in seconds since 1970.

    Raises:
        OSError: the directory cannot be read.
    """
    return max(path.lstat().st_mtime for path in (run_dir.path, *run_dir.path.iterdir()))
