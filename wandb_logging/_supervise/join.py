"""Lets a Python program join the run that `wandb-logging run` began for it, as one more writer of its journal."""

from __future__ import annotations

import atexit
import logging
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from wandb_logging._events.run_info import RunInfo
from wandb_logging._journal.cache_folder import find_run
from wandb_logging._journal.members import has_written
from wandb_logging._run.handler import WandbHandler
from wandb_logging._run.ranks import NO_LAUNCH, find_placement
from wandb_logging._run.run import Run
from wandb_logging._run.start import Membership
from wandb_logging._settings.settings import Settings
from wandb_logging._settings.variables import inherited_settings
from wandb_logging._supervise.telling import OF_LAUNCH, launched

# What the parent process does for all writers of its run.
_ITS_OWN = {
    "resume": "allow",
    "capture_output": False,
    "system_metrics": False,
    "recover": False,
    "exit_hooks": False,
    "signals": (),
    "quiet": True,
}
_PATIENCE = 60.0  # seconds to wait for the run, whose beginning the program did not wait for
_LOOKS_APART = 0.005


def taker() -> Callable[[logging.LogRecord], None] | None:
    """A function that takes this program's records to its run; None if the program is in no such run.

    A record that another process has made and sent here is left alone if that process is in the run as well: it has
    taken the record itself.
    """
    about: Mapping[str, Any] | None = inherited_settings()
    if about is None:
        return None
    place = _begun(about)
    if place is None:
        sys.stderr.write("wandb-logging: the run of this program has not begun: its metrics are in no run\n")
        return None
    joined = _handler(about)
    _left_to_its_end(joined)

    def take(record: logging.LogRecord) -> None:
        made_by = getattr(record, "process", None)
        if made_by is None or made_by == os.getpid() or not has_written(place, made_by):
            joined.handle(record)

    return take


def _handler(about: Mapping[str, Any]) -> WandbHandler:
    """A handler for the run. Whose launch is that of the process around it, is no rank beside that."""
    given = {name: value for name, value in about.items() if name not in OF_LAUNCH}
    settings = {**given, **_own(about)}
    if about.get("launched") is None or about["launched"] != launched():
        placed = find_placement(Settings.of(settings)).settings
        # A rank whose rows wait in a directory of its own ends that itself.
        return WandbHandler(**{**settings, "exit_hooks": placed.run_id != about["run_id"]})
    label = Membership(label=about["writer_label"])
    run = Run(Settings.of(settings), launch=NO_LAUNCH, membership=label)
    atexit.register(run.finish)
    return WandbHandler(run=run)


def _own(about: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of this program. Its text is what it prints, unless a form with all fields was asked for."""
    return {**_ITS_OWN, "console": about.get("text_format") is not None and about.get("console", True)}


def _left_to_its_end(joined: logging.Handler) -> None:
    """Have the handler closed as the program ends, and not before.

    `dictConfig` closes all handlers that there are, and the program does not know of this one, which no logger has: it
    would say in the program's own log that it goes on.
    """
    handlers: list[Any] = logging._handlerList  # type: ignore[attr-defined]  # noqa: SLF001
    handlers[:] = [reference for reference in handlers if reference() is not joined]
    atexit.register(joined.close)


def _begun(about: Mapping[str, Any]) -> Path | None:
    """Wait until the parent has begun the run: an earlier writer would begin it itself, without the run's settings.

    Returns the run's directory; None if it does not come.
    """
    given = {name: value for name, value in about.items() if name not in OF_LAUNCH}
    placement = find_placement(Settings.of({**given, **_own(about)}))
    label = placement.role.label if placement.is_client else None
    info = RunInfo(id=about["run_id"], project=about["project"], host=about["host"], client_label=label)
    until = time.monotonic() + _PATIENCE
    while True:
        found = find_run(Path(about["cache_dir"]), info)
        if found is not None:
            return found.path
        if time.monotonic() >= until:
            return None
        time.sleep(_LOOKS_APART)
