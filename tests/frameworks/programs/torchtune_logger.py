"""torchtune's WandBLogger, as its recipes call it."""

import torch
from omegaconf import OmegaConf
from torchtune.training.metric_logging import WandBLogger

torch.manual_seed(1)
config = OmegaConf.create({"output_dir": "out", "optimizer": {"_component_": "torch.optim.SGD", "lr": 0.1}, "seed": 1})
logger = WandBLogger(project="p", name="r", log_dir="logs")
logger.log_config(config)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=config.optimizer.lr)
for step in range(1, 5):
    loss = (model(torch.ones(2, 4)) ** 2).mean()
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    logger.log_dict({"loss": loss.item(), "lr": optimizer.param_groups[0]["lr"]}, step=step)
    if step % 2 == 0:
        logger.log("val_loss", loss.item(), step=step)
logger.close()
