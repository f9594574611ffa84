"""skorch's WandbLogger."""

import numpy as np
import skorch
import torch
import wandb
from skorch.callbacks import WandbLogger

torch.manual_seed(1)
x = np.linspace(0, 1, 64).reshape(16, 4).astype("float32")
with wandb.init(project="p", name="r", config={"width": 4}) as run:
    net = skorch.NeuralNetRegressor(
        torch.nn.Linear(4, 1),
        max_epochs=3,
        lr=0.01,
        callbacks=[WandbLogger(run, save_model=False)],
        verbose=0,
        train_split=None,
    )
    net.fit(x, x.sum(1, keepdims=True))
