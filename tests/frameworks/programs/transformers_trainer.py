"""transformers' Trainer, with `report_to="wandb"`."""

import os

import torch
from transformers import Trainer, TrainingArguments, set_seed

os.environ["WANDB_PROJECT"] = "p"
os.environ["WANDB_WATCH"] = "all"
os.environ["WANDB_LOG_MODEL"] = "end"


class Data(torch.utils.data.Dataset):
    def __len__(self):
        return 16

    def __getitem__(self, i):
        x = torch.linspace(0, 1, 4) * i
        return {"x": x, "labels": x.sum()[None]}


class Model(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def forward(self, x, labels):
        out = self.layer(x)
        return {"loss": ((out - labels) ** 2).mean(), "logits": out}


set_seed(1)
arguments = TrainingArguments(
    "out",
    num_train_epochs=2,
    logging_steps=1,
    eval_strategy="epoch",
    report_to="wandb",
    run_name="r",
    use_cpu=True,
    per_device_train_batch_size=4,
    learning_rate=1e-3,
    save_strategy="no",
)
Trainer(Model(), arguments, train_dataset=Data(), eval_dataset=Data()).train()
