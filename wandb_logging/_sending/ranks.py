"""Decides what `sync` does with the runs of ranks other than 0, which wait on the disk (the setting ranks: zero)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wandb_logging._errors import JournalError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._sending.gathering import gather, group_with_zero, is_gathered

RANKS = ("zero", "all", "group", "each")
"""What of a launch is sent: the run of rank 0; all ranks in that; each in a run of one group; or each in a run."""


def split(run_dirs: Sequence[RunDir], ranks: str, named: Sequence[Path]) -> tuple[list[RunDir], list[RunDir]]:
    """The runs to send, and those that are left where they are.

    With `ranks` as all, the rows of the other ranks are written into the run of their rank 0 first.

    Args:
        ranks: one of `RANKS`.
        named: paths that were asked for: a run that is one of them is sent in any case.

    Raises:
        ValueError: `ranks` is something else.
        JournalError: what is to be written into a run cannot be.
    """
    if ranks not in RANKS:
        raise ValueError(f"ranks={ranks!r}: expected {', '.join(RANKS[:-1])} or {RANKS[-1]}")
    if ranks == "all":
        gather([run_dir for run_dir in run_dirs if run_dir.path not in named or not is_held(run_dir)])
    if ranks == "group":
        group_with_zero(run_dirs)
    waits = ranks in {"zero", "all"}
    held = [run_dir for run_dir in run_dirs if waits and run_dir.path not in named and is_held(run_dir)]
    left = [run_dir for run_dir in held if not is_gathered(run_dir, run_dirs)]
    return [run_dir for run_dir in run_dirs if run_dir not in held], left


def is_held(run_dir: RunDir) -> bool:
    """Whether it is the run of a rank other than 0, and nothing of it was sent yet."""
    try:
        info = run_dir.info
    except JournalError:
        return False  # sending it says what is wrong
    return info.is_held and info.server is None
