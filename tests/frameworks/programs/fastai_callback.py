"""fastai's WandbCallback."""

import torch
import wandb
from fastai.basics import DataLoaders, Learner, MSELossFlat, set_seed
from fastai.callback.wandb import WandbCallback

set_seed(1)
data = [(torch.full((4,), i / 8), torch.tensor([i / 2.0])) for i in range(8)]
loader = torch.utils.data.DataLoader(data, batch_size=4)
with wandb.init(project="p", name="r"):
    learner = Learner(DataLoaders(loader, loader), torch.nn.Linear(4, 1), loss_func=MSELossFlat(), lr=0.01)
    learner.fit(2, cbs=WandbCallback(log_preds=False, log_model=False))
