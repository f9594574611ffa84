"""Which runs of a folder wait there because another rank of their launch is the run (the setting ranks: zero)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from wandb_logging._errors import JournalError
from wandb_logging._journal.rundir import RunDir

RANKS = ("zero", "each")
"""What of a launch is sent: the run of rank 0, or that of each rank."""


def split(run_dirs: Sequence[RunDir], ranks: str, named: Sequence[Path]) -> tuple[list[RunDir], list[RunDir]]:
    """Those to send, and those that are left where they are.

    Args:
        ranks: one of `RANKS`.
        named: paths that were asked for: a run that is one of them is sent in any case.

    Raises:
        ValueError: `ranks` is something else.
    """
    if ranks not in RANKS:
        raise ValueError(f"ranks={ranks!r}: expected {' or '.join(RANKS)}")
    left = [run_dir for run_dir in run_dirs if ranks == "zero" and run_dir.path not in named and is_held(run_dir)]
    return [run_dir for run_dir in run_dirs if run_dir not in left], left


def is_held(run_dir: RunDir) -> bool:
    """Whether it is a rank that is not the run of its launch, and nothing of it was sent yet."""
    try:
        info = run_dir.info
    except JournalError:
        return False  # sending it says what is wrong
    return (info.ranks or {}).get("held") is True and info.server is None
