"""What each launcher starts: the README's configuration and ten rows, nothing that knows of ranks."""

from __future__ import annotations

import logging
import logging.config
import os
import time

logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "wandb": {
                "class": "wandb_logging.WandbHandler",
                "project": "launchers",
                "name": "vit",
                "ranks": os.environ.get("TRY_RANKS"),
            }
        },
        "root": {"level": "INFO", "handlers": ["wandb"]},
    }
)
log = logging.getLogger("train")
for i in range(10):
    log.info("row %d", i, extra={"metrics": {"i": i}})
    time.sleep(0.05)
