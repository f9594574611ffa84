"""A search with a run for each trial, pruned ones among them, and one of the study, in the manner of Optuna examples."""

import math
import random

import wandb


class TrialPruned(Exception):
    pass


random.seed(1)
study = []


def objective(number):
    params = {
        "lr": 10 ** random.uniform(-4, -1),
        "layers": random.randint(1, 3),
        "act": random.choice(["relu", "gelu"]),
    }
    config = dict(params)
    config["trial.number"] = number
    run = wandb.init(
        project="optuna", name=f"trial-{number}", config=config, group="study-1", tags=["optuna"], reinit=True
    )
    value = None
    for epoch in range(4):
        value = math.log10(params["lr"]) ** 2 / (epoch + 1) + params["layers"]
        wandb.log(data={"objective": value, "epoch": epoch}, step=epoch)
        if number == 2 and epoch == 1:
            wandb.run.summary["state"] = "pruned"
            wandb.finish()
            raise TrialPruned
    wandb.run.summary["final objective"] = value
    wandb.run.summary["state"] = "completed"
    run.finish()
    return value, params


for number in range(4):
    try:
        study.append((number, *objective(number)))
    except TrialPruned:
        continue
best = min(study, key=lambda trial: trial[1])
summary = wandb.init(project="optuna", name="summary", group="study-1", job_type="logging", reinit=True)
table = wandb.Table(columns=["number", "value", "lr", "layers", "act"])
for number, value, params in study:
    table.add_data(number, value, *params.values())
    wandb.log({"trial value": value, "best value": min(v for _, v, _ in study[: number + 1])}, step=number)
wandb.log({"trials": table, "importance": wandb.plot.bar(table, "act", "value")})
summary.config.update({f"best_{name}": value for name, value in best[2].items()})
summary.summary["best trial"] = best[0]
wandb.finish()
