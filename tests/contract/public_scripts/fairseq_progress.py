"""A progress bar that wraps another and reports each split apart, in the manner of fairseq's WandBProgressBarWrapper."""

import os
from collections import OrderedDict
from numbers import Number

import wandb


class AverageMeter:
    def __init__(self, val):
        self.val = self.avg = val


class WandBProgressBarWrapper:
    def __init__(self, wandb_project, run_name=None):
        wandb.init(project=wandb_project, reinit=False, id=os.environ.get("WANDB_RUN_ID"), name=run_name)

    def update_config(self, config):
        wandb.config.update(config, allow_val_change=True)

    def log(self, stats, tag=None, step=None):
        if step is None:
            step = stats["num_updates"]
        prefix = "" if tag is None else tag + "/"
        for key in [k for k in stats if k != "num_updates"]:
            if isinstance(stats[key], AverageMeter):
                wandb.log({prefix + key: stats[key].val}, step=step)
            elif isinstance(stats[key], Number):
                wandb.log({prefix + key: stats[key]}, step=step)


for epoch in range(2):  # a bar is made for each epoch and split: the run goes on
    for tag in ("train_inner", "train", "valid"):
        bar = WandBProgressBarWrapper("fairseq", "transformer")
        bar.update_config(
            {
                "task": {"_name": "translation", "data": "data-bin"},
                "optimization": {"lr": [5e-4], "clip_norm": 0.1 * epoch},
            }
        )
        for update in range(1, 4):
            stats = OrderedDict(
                num_updates=epoch * 10 + update, loss=AverageMeter(5.0 / update), ppl=2 ** (5.0 / update), wps="1k"
            )
            bar.log(stats, tag=tag, step=stats["num_updates"])
