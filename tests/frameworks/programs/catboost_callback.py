"""The callback for CatBoost that the official SDK ships."""

import catboost
import numpy as np
import wandb
from wandb.integration.catboost import WandbCallback, log_summary

rng = np.random.default_rng(1)
x = rng.normal(size=(64, 4))
with wandb.init(project="p", name="r"):
    model = catboost.CatBoostClassifier(iterations=4, depth=2, verbose=False, random_seed=1, thread_count=1)
    model.fit(x, (x[:, 0] > 0).astype(int), callbacks=[WandbCallback()])
    log_summary(model)
