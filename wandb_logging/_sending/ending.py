"""Ends the run of a dead process: writes the end into its journal, and makes its last standard files."""

from __future__ import annotations

from collections.abc import Callable

from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event
from wandb_logging._events.run_info import RunInfo
from wandb_logging._events.task import Task
from wandb_logging._fold import fold
from wandb_logging._journal.bounded_copies import BoundedCopies
from wandb_logging._journal.members import HELPER
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending import standard_files
from wandb_logging._values.plain import dumps

# The writer number for the end of a dead process's run. It is far from the numbers that the run's own processes get:
# this directory may be a copy, and the next copy may bring files of further writers.
_ENDING_WRITER = 1_000_000


def end_journal(run_dir: RunDir, info: RunInfo, state: fold.State, code: int, base_runtime: float) -> None:
    """Write the end of a dead process's run into its journal, at the time of its last event.

    The end also closes the open row. It is written to the journal because a reader that lost the cursor would put later
    events into that row.

    Args:
        run_dir: the run directory.
        info: identity of the run.
        state: the folded state of all events.
        code: the exit code.
        base_runtime: seconds that the run had run before it was resumed.

    Raises:
        JournalError: it cannot be written.
    """
    time = float(info.start) + state.paused + max(0.0, state.runtime - base_runtime)
    writer = run_dir.writer(HELPER, least_number=_ENDING_WRITER)
    writer.append(dumps(Event(time, exit=code).to_json()))
    writer.close()
    if writer.counts.dropped:
        raise JournalError(f"{run_dir.path}: {', '.join(writer.counts.dropped)}")


def last_files(
    copies: BoundedCopies,
    wanted: list[str],
    config: str,
    ended: fold.State,
    say: Callable[[str, str], object],
    *,
    label: str | None = None,
) -> list[Task]:
    """Make the standard files of the end. Returns the tasks that upload them; `label` is part of output.log's name."""
    try:
        return standard_files.final_tasks(copies, wanted, config, fold.summary_line(ended), label)
    except OSError as exc:
        say("standard files", f"{copies.run_dir.path}: cannot make the files of the end ({exc})")
        return []
