"""Contrastive training with parameters as a text file, in the manner of open_clip's `main.py` and `train.py`."""

import argparse
import math
import os

import wandb

parser = argparse.ArgumentParser()
parser.add_argument("--lr", type=float, default=5e-4)
parser.add_argument("--beta1", type=float, default=None)
parser.add_argument("--epochs", type=int, default=2)
parser.add_argument("--model", type=str, default="ViT-B-32")
parser.add_argument("--report-to", default="wandb", type=str)
parser.add_argument("--wandb-notes", default="", type=str)
parser.add_argument("--wandb-project-name", type=str, default="open-clip")
parser.add_argument("--resume", default=None, type=str)
parser.add_argument("--aug-cfg", nargs="*", default={})
args = parser.parse_args([])
args.name = f"lr_{args.lr}-model_{args.model}"
args.log_base_path = os.path.join("logs", args.name)
os.makedirs(args.log_base_path, exist_ok=True)
args.wandb = "wandb" in args.report_to or "all" in args.report_to
params_file = os.path.join(args.log_base_path, "params.txt")
with open(params_file, "w") as f:
    for name in sorted(vars(args)):
        f.write(f"{name}: {getattr(args, name)}\n")

args.train_sz, args.val_sz = 1000, 100
wandb.init(
    project=args.wandb_project_name,
    name=args.name,
    id=args.name.replace(".", "_"),
    notes=args.wandb_notes,
    tags=[],
    resume="auto" if args.resume == "latest" else None,
    config=vars(args),
)
wandb.save(params_file)

num_batches_per_epoch, logit_scale = 5, math.log(1 / 0.07)
for epoch in range(args.epochs):
    for i in range(num_batches_per_epoch):
        step = num_batches_per_epoch * epoch + i
        if i % 2 == 0:
            log_data = {
                "loss": 4 / (step + 1),
                "contrastive_loss": 3 / (step + 1),
                "scale": math.exp(logit_scale),
                "lr": args.lr,
            }
            log_data = {"train/" + name: val for name, val in log_data.items()}
            log_data["step"] = step  # for backwards compatibility
            wandb.log(log_data, step=step)
    metrics = {
        "image_to_text_R@1": 0.1 * (epoch + 1),
        "zeroshot/imagenet": 0.2,
        "num_samples": args.val_sz,
        "epoch": epoch,
    }
    log_data = {"val/" + name: val for name, val in metrics.items()}
    log_data["epoch"] = epoch
    wandb.log(log_data, step=num_batches_per_epoch * (epoch + 1))
wandb.finish()
