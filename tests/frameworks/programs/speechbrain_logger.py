"""speechbrain's WandBLogger, in a Brain."""

import speechbrain
import torch
import wandb
from speechbrain.utils.train_logger import WandBLogger

torch.manual_seed(1)
logger = WandBLogger(initializer=wandb.init, project="p", name="r", reinit=True, config={"lr": 0.1})


class Brain(speechbrain.Brain):
    def compute_forward(self, batch, stage):
        return self.modules.layer(batch[0])

    def compute_objectives(self, predictions, batch, stage):
        return torch.nn.functional.mse_loss(predictions, batch[1])

    def on_stage_end(self, stage, stage_loss, epoch):
        if stage == speechbrain.Stage.TRAIN:
            self.train_loss = stage_loss
        elif stage == speechbrain.Stage.VALID:
            logger.log_stats({"epoch": epoch, "lr": 0.1}, {"loss": self.train_loss}, {"loss": stage_loss, "PER": 0.5})
        else:
            logger.log_stats({"epoch loaded": 2}, test_stats={"loss": stage_loss})


data = [(torch.ones(2, 4) * i, torch.ones(2, 1)) for i in range(3)]
brain = Brain(
    {"layer": torch.nn.Linear(4, 1)},
    lambda parameters: torch.optim.SGD(parameters, lr=0.01),
    run_opts={"device": "cpu"},
)
brain.fit(range(1, 3), data, data, progressbar=False)
brain.evaluate(data, progressbar=False)
