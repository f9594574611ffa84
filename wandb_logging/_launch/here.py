"""Where this very process stands: the one place that looks at its environment for that."""

from __future__ import annotations

import os
from pathlib import Path

from wandb_logging._launch.launch import Launch, find_launch


def launch_here() -> Launch:
    """What this process is one of, as its environment says now: some launchers set variables late."""
    return find_launch(os.environ, parent())


def warnings_here() -> tuple[str, ...]:
    """Signals by which a scheduler warns this process before it ends it: `sbatch --signal=USR1@120`."""
    return ("SIGUSR1",) if launch_here().job is not None else ()


def parent() -> str:
    """The parent process, by a name that a later one with the same number does not have."""
    number = os.getppid()
    try:
        stat = Path(f"/proc/{number}/stat").read_text("utf-8", "replace")
        return f"{number}.{stat.rpartition(')')[2].split()[19]}"
    except (OSError, IndexError):
        return str(number)
