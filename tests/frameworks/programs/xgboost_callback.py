"""The callback for XGBoost that the official SDK ships."""

import numpy as np
import wandb
import xgboost
from wandb.integration.xgboost import WandbCallback

rng = np.random.default_rng(1)
x = rng.normal(size=(64, 4))
data = xgboost.DMatrix(x, label=(x[:, 0] > 0).astype(int))
with wandb.init(project="p", name="r", config={"max_depth": 2}):
    xgboost.train(
        {"max_depth": 2, "objective": "binary:logistic", "eval_metric": ["logloss", "auc"], "seed": 1},
        data,
        4,
        evals=[(data, "train")],
        verbose_eval=False,
        callbacks=[WandbCallback(log_model=True)],
    )
