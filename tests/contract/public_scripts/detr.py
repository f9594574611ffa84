"""A detector of which only rank 0 logs, statistics as a flat mapping, in the manner of DETR's `main.py`."""

import json
import os
from argparse import Namespace
from pathlib import Path

import numpy as np
import wandb

args = Namespace(
    lr=1e-4, lr_backbone=1e-5, epochs=3, output_dir="out", distributed=False, world_size=1, masks=False, device="cpu"
)


def is_main_process():
    return int(os.environ.get("RANK", 0)) == 0


if is_main_process():
    wandb.init(project="detr", group="coco", config=args, job_type="train")
    wandb.config.n_parameters = 41302368
output_dir = Path(args.output_dir)
output_dir.mkdir()
for epoch in range(args.epochs):
    train_stats = {"lr": args.lr, "class_error": np.float64(90.0 - epoch), "loss": np.float32(7.0 / (epoch + 1))}
    test_stats = {"coco_eval_bbox": np.linspace(0.1, 0.2, 12).tolist(), "loss": 6.0 / (epoch + 1)}
    log_stats = {
        **{f"train_{k}": v for k, v in train_stats.items()},
        **{f"test_{k}": v for k, v in test_stats.items()},
        "epoch": epoch,
        "n_parameters": 41302368,
    }
    if is_main_process():
        wandb.log(log_stats)
        with (output_dir / "log.txt").open("a") as f:
            f.write(json.dumps({k: str(v) for k, v in log_stats.items()}) + "\n")
if is_main_process():
    wandb.save(str(output_dir / "log.txt"), base_path=str(output_dir))
    wandb.alert(title="DETR", text="training ended", level=wandb.AlertLevel.INFO)
