"""The callback for LightGBM that the official SDK ships."""

import lightgbm
import numpy as np
import wandb
from wandb.integration.lightgbm import log_summary, wandb_callback

rng = np.random.default_rng(1)
x = rng.normal(size=(64, 4))
data = lightgbm.Dataset(x, label=(x[:, 0] > 0).astype(int))
with wandb.init(project="p", name="r"):
    model = lightgbm.train(
        {"objective": "binary", "metric": ["binary_logloss", "auc"], "num_leaves": 4, "verbose": -1, "num_threads": 1},
        data,
        4,
        valid_sets=[data],
        valid_names=["train"],
        callbacks=[wandb_callback()],
    )
    log_summary(model, save_model_checkpoint=True)
