"""A job: the README's configuration, and as many rows as it is told, with a pause of so many seconds after each.

A file's size is how many calls had returned; its name says the array task and the rank. A job that is started
again goes on counting, and ends.
"""

from __future__ import annotations

import logging
import logging.config
import os
import sys
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
who = "-".join(os.environ.get(name, "0") for name in ("SLURM_ARRAY_TASK_ID", "SLURM_PROCID"))
returned = os.open(f"returned-{who}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
before = os.fstat(returned).st_size
wanted = 20 if "SLURM_RESTART_COUNT" in os.environ else int(sys.argv[1])
pause = float(sys.argv[2]) if len(sys.argv) > 2 else 0.05
for i in range(before, before + wanted):
    log.info("row %d", i, extra={"metrics": {"i": i}})
    os.write(returned, b".")
    time.sleep(pause)
