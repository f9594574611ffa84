"""Cross-validation: each fold a run of a group, arguments as a dataclass, metrics of sub-steps, as tabular projects do it."""

import dataclasses
import os
import pathlib

import numpy as np
import wandb


@dataclasses.dataclass
class Config:
    folds: int = 3
    lr: float = 0.1
    l2: float = 0.0
    features: tuple = ("age", "fare")
    out: pathlib.Path = pathlib.Path("out")
    model: dict = dataclasses.field(default_factory=lambda: {"kind": "logistic", "fit_intercept": True})


config = Config()
os.environ["WANDB_RUN_GROUP"] = "kfold-" + config.model["kind"]
rng = np.random.default_rng(0)
X = rng.normal(size=(60, 2))
y = (X @ [1.0, -2.0] + rng.normal(scale=0.3, size=60) > 0).astype(int)
fold_of = np.arange(60) % config.folds
out_of_fold = np.zeros(60)
for fold in range(config.folds):
    run = wandb.init(
        project="tabular",
        name=f"fold{fold}",
        job_type=f"fold-{fold}",
        config={**dataclasses.asdict(config), "out": str(config.out), "fold": fold},
        settings=wandb.Settings(console="off"),
    )
    run.define_metric("fold/*", step_metric="fold/epoch")
    w = np.zeros(2)
    train, test = fold_of != fold, fold_of == fold
    for epoch in range(5):
        p = 1 / (1 + np.exp(-(X[train] @ w)))
        w -= config.lr * (X[train].T @ (p - y[train]) / train.sum() + config.l2 * w)
        run.log({"fold/epoch": epoch, "fold/loss": float(-np.log(np.where(y[train], p, 1 - p)).mean())})
    out_of_fold[test] = 1 / (1 + np.exp(-(X[test] @ w)))
    run.summary["accuracy"] = ((out_of_fold[test] > 0.5) == y[test]).mean()
    run.summary["weights"] = {name: value for name, value in zip(config.features, w.tolist())}
    run.finish()
with wandb.init(project="tabular", name="oof", job_type="aggregate", config=dataclasses.asdict(config)) as run:
    run.log({"oof accuracy": ((out_of_fold > 0.5) == y).mean(), "oof": wandb.Histogram(out_of_fold, num_bins=8)})
    run.log(
        {
            "matrix": wandb.plot.confusion_matrix(
                y_true=y.tolist(), preds=(out_of_fold > 0.5).astype(int).tolist(), class_names=["no", "yes"]
            )
        }
    )
del os.environ["WANDB_RUN_GROUP"]
