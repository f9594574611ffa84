"""A handler as most tests of it have one: offline, attached to a logger, read from its directory."""

from __future__ import annotations

import logging
from typing import Any

from wandb_logging import WandbHandler, read_run


def offline(**settings: Any) -> WandbHandler:
    return WandbHandler(**{"project": "p", "mode": "offline", "quiet": True, **settings})


def logger_with(handler: logging.Handler, name: str = "train") -> logging.Logger:
    logger = logging.getLogger(name)
    logger.setLevel(logging.DEBUG)
    logger.addHandler(handler)
    return logger


def data(handler: WandbHandler) -> Any:
    handler.flush()
    assert handler.run.dir is not None
    return read_run(handler.run.dir)
