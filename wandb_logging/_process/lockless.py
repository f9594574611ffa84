"""Lets library loggers that are used on our threads take no lock of `logging`.

`Logger.isEnabledFor` takes logging's module lock for a level that is not in its cache yet. `dictConfig` holds this lock
while it closes our handler and waits for our thread, where urllib3 logs its requests at DEBUG.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from wandb_logging._process.listener import on_own_thread


def without_lock(names: Iterable[str]) -> None:
    """Let the loggers of these packages answer without a lock on our threads. Their levels stay as they are."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.root.manager.loggerDict[name]
        if name.partition(".")[0] in set(names) and isinstance(logger, logging.Logger):
            logger.isEnabledFor = partial(_is_enabled_for, logger)  # type: ignore[method-assign]


def _is_enabled_for(logger: logging.Logger, level: int) -> bool:
    if not on_own_thread():
        return type(logger).isEnabledFor(logger, level)
    return not logger.disabled and logger.manager.disable < level and level >= logger.getEffectiveLevel()
