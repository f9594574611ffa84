"""torchrl's WandbLogger, with scalars by groups, histograms, hyperparameters and texts."""

import torch
from torchrl.record.loggers import get_logger

torch.manual_seed(1)
logger = get_logger("wandb", logger_name="out", experiment_name="r", wandb_kwargs={"project": "p"})
logger.log_hparams({"lr": 0.1, "layers": [8, 8]})
for step in range(3):
    logger.log_scalar("train/reward", step / 2, step=step * 10)
    logger.log_scalar("plain", 1.0 / (step + 1))
    logger.log_histogram("weights", torch.linspace(0, step + 1, 8), step=step, bins=4)
logger.log_str("note", "text")
logger.experiment.finish()
