"""timm's `update_summary` and schedulers, with `log_wandb`, as its `train.py` calls them."""

from collections import OrderedDict

import timm
import torch
import wandb
from timm.optim import create_optimizer_v2
from timm.scheduler import create_scheduler_v2
from timm.utils import AverageMeter, accuracy, random_seed, update_summary

random_seed(1)
model = timm.create_model("resnet10t", num_classes=3)
optimizer = create_optimizer_v2(model, opt="sgd", lr=0.05)
scheduler, epochs = create_scheduler_v2(optimizer, sched="cosine", num_epochs=3)
wandb.init(project="p", name="r", config={"model": "resnet10t", "opt": "sgd", "lr": 0.05, "mean": (0.5, 0.5, 0.5)})
images, labels = torch.randn(6, 3, 64, 64), torch.arange(6) % 3
for epoch in range(epochs):
    losses, top1 = AverageMeter(), AverageMeter()
    model.train()
    loss = torch.nn.functional.cross_entropy(model(images), labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.update(loss.item(), 6)
    model.eval()
    with torch.no_grad():
        top1.update(accuracy(model(images), labels)[0].item(), 6)
    scheduler.step(epoch + 1)
    rates = [group["lr"] for group in optimizer.param_groups]
    update_summary(
        epoch,
        OrderedDict(loss=losses.avg),
        OrderedDict(top1=top1.avg),
        filename="summary.csv",
        lr=sum(rates) / len(rates),
        write_header=epoch == 0,
        log_wandb=True,
    )
