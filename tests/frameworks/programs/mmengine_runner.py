"""mmengine's Runner, with WandbVisBackend."""

import torch
from mmengine.model import BaseModel
from mmengine.runner import Runner

torch.manual_seed(1)


class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, i):
        x = torch.linspace(0, 1, 4) * i
        return x, x.sum()[None]


class Model(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x, y, mode):
        return {"loss": ((self.layer(x) - y) ** 2).mean()}


Runner(
    model=Model(),
    work_dir="work",
    train_dataloader={
        "batch_size": 4,
        "dataset": Data(),
        "sampler": {"type": "DefaultSampler", "shuffle": False},
        "collate_fn": {"type": "default_collate"},
    },
    train_cfg={"by_epoch": True, "max_epochs": 2},
    optim_wrapper={"optimizer": {"type": "SGD", "lr": 1e-3}},
    default_hooks={"logger": {"type": "LoggerHook", "interval": 1}},
    randomness={"seed": 1},
    visualizer={
        "type": "Visualizer",
        "vis_backends": [{"type": "WandbVisBackend", "init_kwargs": {"project": "p", "name": "r"}}],
    },
).train()
