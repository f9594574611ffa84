"""Runs on disk for the command line to find, and the command line as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import wandb_logging

KEY = "0123456789abcdef0123456789abcdef01234567"
PACKAGE = str(Path(wandb_logging.__file__).parent.parent)
HOST = "https://api.example.com"
UNREACHABLE = "http://127.0.0.1:9"  # the discard port: nobody listens


def offline_run(run_id: str = "r1", rows: int = 3, *, exit_code: int | None = 0, **settings: Any) -> wandb_logging.Run:
    """A run on disk: ended, or (exit code None) going on until the caller ends it."""
    run = wandb_logging.new_run("digits", run_id=run_id, **{"mode": "offline", **settings})
    for step in range(rows):
        run.log({"loss": 1 / (step + 1), "val": {"acc": step / 10}})
    if exit_code is not None:
        run.finish(exit_code)
    return run


def child(*args: str, **options: Any) -> subprocess.Popen[str]:
    """The command line as a process of its own, its output piped."""
    env = {**os.environ, "PYTHONPATH": PACKAGE, **options.pop("env", {})}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "encoding": "utf-8", **options}
    return subprocess.Popen([sys.executable, "-m", "wandb_logging", *args], env=env, **pipes)
