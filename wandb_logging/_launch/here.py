"""The place of this very process in its launch. Only this module reads this process's environment for that."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

from wandb_logging._launch.launch import Launch, find_launch, spans_hosts


def launch_here() -> Launch:
    """The launch of this process as it is known now: some launchers set variables late, and some programs none."""
    found = find_launch(os.environ, parent())
    rank, size = _told_to_torch()
    # An `Accelerator(cpu=True)` under its `debug_launcher` sets RANK to 0 in each of the ranks.
    is_wrong = found.by == "distributed" and found.world_size == size and found.rank != rank
    if size > 1 and (is_wrong or not found.has_ranks):
        told = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(size)}
        found = find_launch({**os.environ, **told}, parent())
    return found


def _told_to_torch() -> tuple[int, int]:
    """Rank and number of ranks that a program has told PyTorch by `init_process_group`; (0, 1) if it has not.

    Processes that `torch.multiprocessing` or accelerate's `debug_launcher` started have their rank as an argument.
    """
    distributed = sys.modules.get("torch.distributed")
    with contextlib.suppress(Exception):  # half imported, or another version: then nobody has told it anything
        if distributed is not None and distributed.is_available() and distributed.is_initialized():
            return int(distributed.get_rank()), int(distributed.get_world_size())
    return 0, 1


def spans_hosts_here() -> bool:
    """Whether the launch of this process has ranks on several hosts, as far as its launcher says."""
    return spans_hosts(os.environ)


def warnings_here() -> tuple[str, ...]:
    """The signals by which a scheduler warns this process before ending it: `sbatch --signal=USR1@120`."""
    return ("SIGUSR1",) if launch_here().job is not None else ()


def parent() -> str:
    """Identify the parent process by a name that a later process with the same number does not share."""
    number = os.getppid()
    try:
        stat = Path(f"/proc/{number}/stat").read_text("utf-8", "replace")
        return f"{number}.{stat.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return str(number)


def started_in() -> Path:
    """The folder in which this program was started. Ray moves its workers into its own folders below /tmp.

    Raises:
        OSError: the folder is gone.
    """
    raylet = os.environ.get("RAY_RAYLET_PID")
    if raylet is None or raylet != str(os.getppid()):
        return Path.cwd()
    try:
        said = os.environ.get("TUNE_ORIG_WORKING_DIR")
        return Path(said) if said else Path(f"/proc/{raylet}/cwd").readlink()
    except OSError:  # not Linux
        return Path.cwd()
