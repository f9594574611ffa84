"""ignite's WandBLogger."""

import torch
from ignite.engine import Engine, Events
from ignite.handlers.wandb_logger import WandBLogger

torch.manual_seed(1)
model = torch.nn.Linear(4, 1)
optimizer = torch.optim.SGD(model.parameters(), lr=0.01)


def step(engine, batch):
    optimizer.zero_grad()
    loss = (model(batch) ** 2).mean()
    loss.backward()
    optimizer.step()
    return {"loss": loss.item()}


engine = Engine(step)
logger = WandBLogger(project="p", name="r", config={"lr": 0.01})
logger.attach_output_handler(engine, Events.ITERATION_COMPLETED, tag="training", output_transform=lambda out: out)
logger.attach_opt_params_handler(engine, Events.ITERATION_STARTED, optimizer=optimizer)
logger.watch(model, log="all", log_freq=2)
engine.run([torch.ones(2, 4)] * 4, max_epochs=2)
logger.close()
