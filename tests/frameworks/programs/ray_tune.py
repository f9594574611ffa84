"""Ray Tune's WandbLoggerCallback."""

from pathlib import Path

import ray
from ray import tune
from ray.air.integrations.wandb import WandbLoggerCallback


def train(config):
    for step in range(3):
        tune.report({"loss": config["lr"] / (step + 1)})


if __name__ == "__main__":
    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    callback = WandbLoggerCallback(project="p", log_config=False)
    tuner = tune.Tuner(
        train,
        param_space={"lr": 0.1},
        run_config=tune.RunConfig(callbacks=[callback], storage_path=str(Path.cwd()), verbose=0),
    )
    tuner.fit()
    ray.shutdown()
