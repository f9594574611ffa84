"""PyTorch Tabular's TabularModel, with `log_target="wandb"` and `exp_watch="gradients"`."""

import numpy as np
import pandas as pd
from pytorch_tabular import TabularModel
from pytorch_tabular.config import DataConfig, ExperimentConfig, OptimizerConfig, TrainerConfig
from pytorch_tabular.models import CategoryEmbeddingModelConfig

rng = np.random.default_rng(1)
frame = pd.DataFrame({"a": rng.normal(size=32), "b": list("xy") * 16})
frame["target"] = (frame["a"] > 0).astype(int)
model = TabularModel(
    data_config=DataConfig(target=["target"], continuous_cols=["a"], categorical_cols=["b"], num_workers=0),
    model_config=CategoryEmbeddingModelConfig(task="classification", layers="8", seed=1),
    optimizer_config=OptimizerConfig(),
    trainer_config=TrainerConfig(
        batch_size=8,
        max_epochs=2,
        accelerator="cpu",
        progress_bar="none",
        checkpoints=None,
        early_stopping=None,
        load_best=False,
        seed=1,
    ),
    experiment_config=ExperimentConfig(
        project_name="p", run_name="r", log_target="wandb", exp_watch="gradients", exp_log_freq=2
    ),
    verbose=False,
)
model.fit(train=frame, validation=frame)
