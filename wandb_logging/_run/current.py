"""Finds the run of a program that holds no run object, because `dictConfig` made its handler."""

from __future__ import annotations

import logging

from wandb_logging._errors import LogError
from wandb_logging._run.handler import WandbHandler
from wandb_logging._run.run import Run, going_on


def current_run() -> Run:
    """The run of this process: the latest one that has not ended, else that of the handler that was made last.

    If the handler has logged nothing yet, its run begins now, as with `WandbHandler.run`.

    Raises:
        LogError: there is neither a run nor a handler.
    """
    runs = going_on()
    if runs:
        return runs[-1]
    references = list(logging._handlerList)  # type: ignore[attr-defined]  # noqa: SLF001  logging has no public way to ask
    handlers = [handler for reference in references if isinstance(handler := reference(), WandbHandler)]
    if not handlers:
        raise LogError("there is no run: configure logging with a WandbHandler, or begin one with new_run")
    return handlers[-1].run
