"""What a type checker says of settings as users type them. Never run: mypy reads it, as all files (`nox -s types`).

Each `type: ignore[...]` is a promise: mypy, which is strict here, complains of one that is not needed.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from wandb_logging import Run, Settings, WandbHandler, new_run


def stop(run: object) -> None:
    """What `on_stop` calls."""


# --- right ---

WandbHandler()
WandbHandler("INFO", project="p", tags=["a"], cache_dir="runs", flush_interval=1, console="WARNING", mode="offline")
WandbHandler(level=10, cache_dir=Path("runs"), define_metrics=[{"name": "val/*"}], on_stop=stop, signals=["SIGTERM"])
WandbHandler(entity=None, name="", standard_files=False, config=argparse.Namespace(lr=1), tags=("a",))
run: Run = new_run("p", "team", name="n", batch_size=10, resume="allow", config={"lr": 0.1})
new_run(project="p", entity="team")
settings = Settings(project="p", alert_level="ERROR").but(gzip=False)
Settings.of({"project": "p"})

# What is kept has one type, whatever was given.
tags: tuple[str, ...] = settings.tags
folder: Path = settings.cache_dir
level: int | None = settings.alert_level

# --- wrong: the name ---

WandbHandler(projekt="p")  # type: ignore[call-arg]
WandbHandler(flush_intervall=1)  # type: ignore[call-arg]
WandbHandler(base_url="http://h")  # type: ignore[call-arg]
new_run("p", jobtype="train")  # type: ignore[call-arg]
new_run("p", learning_rate=0.1)  # type: ignore[call-arg]
Settings(cachedir="runs")  # type: ignore[call-arg]
settings.but(gzipped=True)  # type: ignore[call-arg]

# --- wrong: the value ---

WandbHandler(mode="ofline")  # type: ignore[arg-type]
WandbHandler(flush_interval="15")  # type: ignore[arg-type]
WandbHandler(gzip="no")  # type: ignore[arg-type]
WandbHandler(tags=5)  # type: ignore[arg-type]
new_run(5)  # type: ignore[arg-type]
new_run("p", late_steps="shfit")  # type: ignore[arg-type]
Settings(batch_size=1.5)  # type: ignore[arg-type]
settings.project = "q"  # type: ignore[misc]
