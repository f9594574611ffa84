"""Lightning's WandbLogger."""

import lightning as L
import torch
from lightning.pytorch.loggers import WandbLogger


class Module(L.LightningModule):
    def __init__(self, lr=0.1):
        super().__init__()
        self.save_hyperparameters()
        self.layer = torch.nn.Linear(4, 1)

    def training_step(self, batch, index):
        loss = (self.layer(batch) ** 2).mean()
        self.log("train/loss", loss, on_step=True, on_epoch=True)
        return loss

    def validation_step(self, batch, index):
        self.log("val/loss", (self.layer(batch) ** 2).mean())

    def configure_optimizers(self):
        return torch.optim.SGD(self.parameters(), lr=self.hparams.lr)


L.seed_everything(1)
data = torch.utils.data.DataLoader(torch.ones(16, 4), batch_size=4)
logger = WandbLogger(project="p", name="r", log_model=True)
module = Module()
logger.watch(module, log="all", log_freq=2)
trainer = L.Trainer(max_epochs=2, logger=logger, log_every_n_steps=1, enable_progress_bar=False, accelerator="cpu")
trainer.fit(module, data, data)
logger.log_table("table", columns=["a"], data=[[1]])
logger.log_text("text", columns=["t"], data=[["x"]])
logger.experiment.finish()
