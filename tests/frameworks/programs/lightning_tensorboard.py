"""Lightning's TensorBoardLogger, with `sync_tensorboard=True`."""

import lightning as L
import torch
import wandb
from lightning.pytorch.loggers import TensorBoardLogger


class Module(L.LightningModule):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, index):
        loss = (self.layer(batch) ** 2).mean()
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val/loss", (self.layer(batch) ** 2).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=0.1)


L.seed_everything(1)
data = torch.utils.data.DataLoader(torch.ones(16, 4), batch_size=4)
with wandb.init(project="p", name="r", sync_tensorboard=True):
    logger = TensorBoardLogger(".", name="logs")
    L.Trainer(max_epochs=2, logger=logger, log_every_n_steps=1, enable_progress_bar=False, accelerator="cpu").fit(
        Module(), data, data
    )
