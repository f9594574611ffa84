"""Gives a run that has ended other rules for its text, for the events that the server does not have yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from wandb_logging._errors import JournalError, SettingsError
from wandb_logging._journal.rundir import RunDir
from wandb_logging._settings import text_metrics


def change_rules(run_dir: RunDir, rules: Sequence[Any]) -> None:
    """Have a run's text mined by other rules, from the first event on that the server has not acknowledged.

    What it has stays: its lines are counted. `run.json` says from which event on the new rules hold, so that the
    journal always folds to the same rows.

    Raises:
        SettingsError: a rule is wrong.
        JournalError: the run goes on, or another process sends it.
        OSError: the disk refuses it.
    """
    try:
        text_metrics.TextMetrics().keep({"rules": list(rules)})
    except ValueError as exc:
        raise SettingsError(str(exc)) from None
    with run_dir.uploading():
        if not run_dir.dead():
            raise JournalError(f"{run_dir.path} goes on: its rules can be changed when it has ended")
        run_dir.save_info(run_dir.info.with_text_rules(list(rules), max(0, run_dir.cursor.events)))
