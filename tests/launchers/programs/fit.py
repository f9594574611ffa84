"""What Lightning starts: a model of one parameter, trained on two processes, that logs a row a step."""

from __future__ import annotations

import logging
import logging.config
import os

import lightning
import torch

logging.config.dictConfig(
    {
        "version": 1,
        "disable_existing_loggers": False,
        "handlers": {
            "wandb": {
                "class": "wandb_logging.WandbHandler",
                "project": "launchers",
                "name": "vit",
                "ranks": os.environ.get("TRY_RANKS"),
            }
        },
        "root": {"level": "INFO", "handlers": ["wandb"]},
    }
)


class Model(lightning.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(1, 1)

    def training_step(self, batch: torch.Tensor, i: int) -> torch.Tensor:
        logging.getLogger("train").info("row", extra={"metrics": {"i": i}})
        return self.layer(batch).sum()

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.01)


if __name__ == "__main__":
    data = torch.utils.data.DataLoader(torch.ones(20, 1), batch_size=1)
    options = {"logger": False, "enable_checkpointing": False, "enable_progress_bar": False}
    lightning.Trainer(accelerator="cpu", devices=2, strategy="ddp", max_epochs=1, **options).fit(Model(), data)
