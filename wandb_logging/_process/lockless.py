"""Loggers of libraries that work on our threads: there they take no lock of `logging`.

`Logger.isEnabledFor` asks logging's own lock for a level that it has not looked up yet. `dictConfig` holds that lock
while it closes our handler, which waits for our thread, where urllib3 logs its requests at DEBUG.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from functools import partial

from wandb_logging._process.listener import on_own_thread


def without_lock(names: Iterable[str]) -> None:
    """Have the loggers of these packages answer without a lock where a thread of ours asks. Levels are as before."""
    for name in list(logging.root.manager.loggerDict):
        logger = logging.root.manager.loggerDict[name]
        if name.partition(".")[0] in set(names) and isinstance(logger, logging.Logger):
            logger.isEnabledFor = partial(_is_enabled_for, logger)  # type: ignore[method-assign]


def _is_enabled_for(logger: logging.Logger, level: int) -> bool:
    if not on_own_thread():
        return type(logger).isEnabledFor(logger, level)
    return not logger.disabled and logger.manager.disable < level and level >= logger.getEffectiveLevel()
