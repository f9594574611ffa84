"""Stable Diffusion fine-tuned, with images of the validation prompts, in the manner of `train_dreambooth.py`."""

import argparse
import os

import numpy as np
import wandb
from PIL import Image

args = argparse.Namespace(
    pretrained_model_name_or_path="runwayml/stable-diffusion-v1-5",
    instance_prompt="a photo of sks dog",
    validation_prompt="A photo of sks dog in a bucket",
    resolution=16,
    train_batch_size=1,
    learning_rate=5e-6,
    report_to="wandb",
    tracker_project_name="dreambooth",
    mixed_precision=None,
    seed=0,
)
wandb.init(project=args.tracker_project_name, config=vars(args))
rng = np.random.default_rng(args.seed)


def log_validation(step, name="validation"):
    images = [Image.fromarray(rng.integers(0, 255, (16, 16, 3), dtype=np.uint8)) for _ in range(2)]
    wandb.log(
        {name: [wandb.Image(image, caption=f"{i}: {args.validation_prompt}") for i, image in enumerate(images)]},
        step=step,
    )


for global_step in range(1, 7):
    logs = {"loss": float(1 / global_step), "lr": args.learning_rate}
    wandb.log(logs, step=global_step)
    if global_step % 3 == 0:
        log_validation(global_step)
        os.makedirs(f"checkpoint-{global_step}", exist_ok=True)
log_validation(6, "test")
wandb.finish()
