"""An image model with a flat namespace of arguments and a summary of each epoch, in the manner of timm's `train.py`."""

import argparse
import csv
import os
from collections import OrderedDict

import wandb

parser = argparse.ArgumentParser(description="Training")
parser.add_argument("--model", default="resnet18")
parser.add_argument("--img-size", type=int, default=None)
parser.add_argument("--opt-betas", default=None, type=float, nargs="+")
parser.add_argument("--lr", type=float, default=0.05)
parser.add_argument("--mean", type=float, nargs="+", default=[0.485, 0.456, 0.406])
parser.add_argument("--amp", action="store_true")
parser.add_argument("--experiment", default="timm-exp")
parser.add_argument("--log-wandb", action="store_true", default=True)
parser.add_argument("--wandb-tags", default=["a", "b"], type=str, nargs="+")
args = parser.parse_args([])


def update_summary(epoch, train_metrics, eval_metrics, filename, lr=None, write_header=False, log_wandb=False):
    rowd = OrderedDict(epoch=epoch)
    rowd.update([("train_" + k, v) for k, v in train_metrics.items()])
    if eval_metrics:
        rowd.update([("eval_" + k, v) for k, v in eval_metrics.items()])
    if lr is not None:
        rowd["lr"] = lr
    if log_wandb:
        wandb.log(rowd)
    with open(filename, mode="a") as cf:
        dw = csv.DictWriter(cf, fieldnames=rowd.keys())
        if write_header:
            dw.writeheader()
        dw.writerow(rowd)


if args.log_wandb:
    wandb.init(project="timm", name=args.experiment, config=args, tags=args.wandb_tags, resume="never", id=None)
best = None
for epoch in range(4):
    train_metrics = OrderedDict([("loss", 2.0 / (epoch + 1))])
    eval_metrics = OrderedDict([("loss", 2.2 / (epoch + 1)), ("top1", 20.0 * epoch), ("top5", 24.0 * epoch)])
    update_summary(
        epoch,
        train_metrics,
        eval_metrics,
        "summary.csv",
        lr=args.lr / (epoch + 1),
        write_header=epoch == 0,
        log_wandb=args.log_wandb,
    )
    best = max(best or 0, eval_metrics["top1"])
if args.log_wandb:
    wandb.run.summary["best_top1"] = best
    wandb.save(os.path.join(os.getcwd(), "summary.csv"))
