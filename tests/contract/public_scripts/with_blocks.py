"""Runs as `with` blocks, one of which fails; rows put together by `commit=False`; metrics by `*`, as newer examples do it."""

import os

import wandb

os.environ["WANDB_NOTES"] = "from the environment"
config = {"optimizer": {"name": "adamw", "betas": (0.9, 0.999)}, "classes": {0: "cat", 1: "dog"}, "none": None}
with wandb.init(project="with", config=config, tags=("a", "b")) as run:
    run.define_metric("global_step", hidden=True)
    run.define_metric("*", step_metric="global_step")
    run.define_metric("acc", summary="max")
    for step in range(3):
        run.log({"global_step": step * 10}, commit=False)
        run.log({"loss": 1 / (step + 1)}, commit=False)
        run.log({"acc": [0.5, 0.9, 0.7][step], "nested": {"a": {"b": step}, "c": step}})
    run.log({})
    run.log({"loss": 0.1}, step=10)
    run.log({"acc": 0.8}, step=10)
    run.log({"loss": 0.05}, step=11, commit=True)
    run.config.update({"seed": 1})
    run.config["lr"] = 3e-4
    run.config.setdefaults({"lr": 1.0, "wd": 0.01})
    run.tags += ("c",)
    run.notes = (run.notes or "") + ", and more"
    run.name = "renamed"
    run.summary["text"] = f"{run.config.optimizer['name']} {run.config['lr']} {run.step}"
try:
    with wandb.init(project="with", group="failing", job_type="eval") as run:
        run.log({"before": 1})
        raise ValueError("in the block")
except ValueError:
    pass
with wandb.init(project="with", group="failing", job_type="eval", mode="disabled") as run:
    run.log({"nothing": 1})
with wandb.init(project="with", group="nested") as outer:
    outer.log({"outer": 1})
    with wandb.init(project="with", group="nested", reinit="create_new") as inner:
        inner.log({"inner": 1})
        outer.log({"outer": 2})
    outer.summary["ids differ"] = outer.id != inner.id
