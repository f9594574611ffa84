"""Removes a run directory."""

from __future__ import annotations

import shutil

from wandb_logging._errors import JournalError
from wandb_logging._journal.rundir import RunDir


def remove(run_dir: RunDir) -> None:
    """Remove a run directory that nobody writes to or sends.

    Raises:
        JournalError: it is in use, or a link; nothing is removed then.
        OSError: a file in it cannot be removed.
    """
    if run_dir.path.is_symlink():
        raise JournalError(f"{run_dir.path} is a link: remove the run where it is")
    with run_dir.uploading():
        if not run_dir.dead():
            raise JournalError(f"{run_dir.path} is being written by a living process, or nobody can tell")
        # run.json first: what an interruption leaves is then not taken for a run and sent.
        (run_dir.path / "run.json").unlink()
    shutil.rmtree(run_dir.path)
