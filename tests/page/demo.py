"""Runs to look at: some trainings as they are, and one whose every name is hostile."""

from __future__ import annotations

import logging
import math
import random
from typing import TYPE_CHECKING, Any

import wandb_logging

if TYPE_CHECKING:
    from pathlib import Path

EVIL = '"><img src=x onerror=window.hit=1><script>window.hit=1</script>\x1b]0;x\x07\u202e{{7*7}}'


def training(cache: Path, number: int, rows: int = 600, metrics: int = 0, **settings: Any) -> wandb_logging.Run:
    """A run that goes on: a loss that falls, a score that rises, the text that goes with it."""
    rng = random.Random(number)
    rate, depth = [0.1, 0.03, 0.01, 0.003][number % 4], [2, 4, 8][number % 3]
    run = wandb_logging.new_run(
        "digits",
        run_id=f"run{number:03d}",
        group=f"depth {depth}",
        tags=["baseline"] if number % 2 else [],
        config={"learning_rate": rate, "model": {"depth": depth, "width": 256}, "seed": number, "optimizer": "adam"},
        **{
            "name": f"lr={rate} depth={depth} #{number}",
            "mode": "offline",
            "cache_dir": cache,
            "quiet": True,
            **settings,
        },
    )
    speed, floor = 3 + 2 * rng.random() + depth / 4, 0.05 + rate + 0.2 * rng.random()
    for step in range(rows):
        part = step / max(1, rows)
        loss = floor + 2.2 * math.exp(-speed * part) + 0.08 * rng.random()
        row = {"train/loss": loss, "train/grad_norm": 1 + rng.random() / (0.2 + part), "train/lr": rate * (1 - part)}
        if step % 20 == 0:
            row["val/loss"] = loss * 1.1 + 0.02 * rng.random()
            row["val/accuracy"] = 1 - loss / 3
        row.update({f"layers/{at}/norm": rng.random() + at for at in range(metrics)})
        run.log(row)
    return run


def rich(cache: Path) -> wandb_logging.Run:
    """A run with one of everything beside numbers."""
    run = training(cache, 7, 400)
    log = logging.getLogger("train")
    handler = wandb_logging.WandbHandler(run=run)
    log.addHandler(handler)
    log.setLevel(logging.INFO)
    log.info("epoch 1 done, \x1b[32maccuracy\x1b[0m 0.71")
    log.warning("learning rate is high")
    log.error("a batch was skipped")
    run.log({"histogram": wandb_logging.Histogram([at % 17 for at in range(300)])})
    run.log({"table": wandb_logging.Table(["input", "score"], [["a", 0.5], ["<b>bold</b>", 0.7]])})
    run.log({"report": wandb_logging.Html("<h1>Report</h1><script>parent.hit=1;document.title='x'</script>")})
    run.log({"bad": math.nan})
    run.alert("loss went up", "by a third within ten steps", level="WARN")
    log.removeHandler(handler)
    return run


def hostile(cache: Path) -> None:
    """A run whose name, config, metrics, text and media try to be more than text."""
    run = wandb_logging.new_run(
        "p", run_id="evil", name=EVIL, notes=EVIL, tags=["<svg onload=window.hit=1>"], group="<i>g</i>",
        config={EVIL: EVIL, "__proto__": {"x": 1}, "constructor": EVIL}, mode="offline", cache_dir=cache, quiet=True,
    )  # fmt: skip
    for step in range(20):
        run.log({EVIL: step, "__proto__": 1, "constructor/x": step, "x" * 10_000: step, "javascript:window.hit=1": 2})
    run.log(
        {"html": wandb_logging.Html("<script>top.hit=1</script><img src=https://evil.example/x onerror=top.hit=1>")}
    )
    log = logging.getLogger("evil")
    handler = wandb_logging.WandbHandler(run=run)
    log.addHandler(handler)
    log.warning("%s \x1b[31mred\x1b[0m \x1b[8mhidden \x1b]8;;https://evil.example\x07link\x1b]8;;\x07", EVIL)
    log.removeHandler(handler)
    run.finish()
