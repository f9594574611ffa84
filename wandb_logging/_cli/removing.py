"""Whether a run may be removed from the disk: what `rm` and `gc` ask before."""

from __future__ import annotations

from wandb_logging._cli.states import is_sent
from wandb_logging._cli.text import counted
from wandb_logging._journal.rundir import ASIDE, RunDir
from wandb_logging._journal.verify import lines_in
from wandb_logging._reading.outline import outline


def only_here(run_dir: RunDir) -> str | None:
    """What of a run is nowhere but on this disk, in words; None if it is all on the server.

    Raises:
        JournalError, OSError: it cannot be read.
    """
    seen = outline(run_dir)
    if seen.unsent:
        return f"{counted(seen.unsent, 'line')} not sent"
    if not is_sent(seen):
        return "its end is not sent"
    kept = lines_in(run_dir.path, ASIDE)
    return f"{counted(kept, 'value')} set aside, in {ASIDE}" if kept else None


def last_change(run_dir: RunDir) -> float:
    """When something in its directory changed last, in seconds since 1970.

    Raises:
        OSError: it cannot be looked at.
    """
    return max(path.lstat().st_mtime for path in (run_dir.path, *run_dir.path.iterdir()))
