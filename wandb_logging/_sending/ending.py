"""The end of a run for those who are not its process: said in its journal, and in the files each run has."""

from __future__ import annotations

from collections.abc import Callable

from wandb_logging._errors import JournalError
from wandb_logging._events.event import Event
from wandb_logging._events.run_info import RunInfo
from wandb_logging._events.task import Task
from wandb_logging._fold import fold
from wandb_logging._journal.keeper import Keeper
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending import standard_files
from wandb_logging._values.plain import dumps

# Of who writes the end for a dead process: far from the numbers that a run's own processes get, because this directory
# may be a copy, and the next copy may bring another writer's files.
_ENDING_WRITER = 1_000_000


def end_journal(run_dir: RunDir, info: RunInfo, state: fold.State, code: int, base_runtime: float) -> None:
    """Say in the journal that the run ended, at its last event, where its process did not.

    The open row goes with the end: if only the cursor knew of that, a reader that lost it would put later events
    into that row.

    Args:
        code: how it ended.
        base_runtime: seconds that the run had run before it was resumed.

    Raises:
        JournalError: it cannot be written.
    """
    time = float(info.start) + state.paused + max(0.0, state.runtime - base_runtime)
    writer = run_dir.writer(least_number=_ENDING_WRITER, helps=True)
    writer.append(dumps(Event(time, exit=code).to_json()))
    writer.close()
    if writer.counts.dropped:
        raise JournalError(f"{run_dir.path}: {', '.join(writer.counts.dropped)}")


def last_files(
    keeper: Keeper,
    wanted: list[str],
    config: str,
    ended: fold.State,
    say: Callable[[str, str], object],
    *,
    label: str | None = None,
) -> list[Task]:
    """Make the standard files of the end; what uploads them: the output of who has a label in a run under that."""
    try:
        return standard_files.final_tasks(keeper, wanted, config, fold.summary_line(ended), label)
    except OSError as exc:
        say("standard files", f"{keeper.run_dir.path}: cannot make the files of the end ({exc})")
        return []
