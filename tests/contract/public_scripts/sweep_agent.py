"""A sweep over a function, as notebooks do it; without a server of sweeps it falls back on one run, and says so."""

import wandb

sweep_config = {
    "method": "random",
    "metric": {"name": "loss", "goal": "minimize"},
    "parameters": {"lr": {"values": [0.1, 0.2]}},
}


def train(config=None):
    with wandb.init(config=config, project="sweeps") as run:
        for epoch in range(3):
            wandb.log({"loss": run.config.lr / (epoch + 1), "epoch": epoch})


try:
    sweep_id = wandb.sweep(sweep_config, project="sweeps")
    wandb.agent(sweep_id, train, count=1)
except Exception as error:
    print("no sweep:", error)
    train({"lr": 0.1})
