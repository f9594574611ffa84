"""A logger callback that keeps a process's run and flattens results, in the manner of RLlib's WandbLoggerCallback."""

import numbers
import os
from multiprocessing import get_context

import numpy as np

RESULTS = [
    {
        "episode_reward_mean": 10.0 * i,
        "info": {"learner": {"default_policy": {"learner_stats": {"total_loss": np.float32(1 / i), "cur_lr": 5e-5}}}},
        "sampler_results": {"hist_stats": {"episode_reward": [1.0, 2.0, 3.0]}},
        "training_iteration": i,
        "timesteps_total": 4000 * i,
        "time_this_iter_s": 1.5,
        "done": i == 4,
        "node_ip": "127.0.0.1",
        "policy": object(),
    }
    for i in range(1, 5)
]


def flatten(d, prefix=""):
    for k, v in d.items():
        if isinstance(v, dict):
            yield from flatten(v, f"{prefix}{k}/")
        else:
            yield f"{prefix}{k}", v


def logging_actor(queue, config):
    import wandb

    os.environ["WANDB_START_METHOD"] = "thread"
    wandb.init(
        project="rllib",
        group="PPO",
        name="PPO_CartPole_0",
        config=config,
        allow_val_change=True,
        reinit=True,
        resume=False,
        config_exclude_keys=["callbacks"],
    )
    while (result := queue.get()) is not None:
        flat = dict(flatten(result))
        log = {
            k: v
            for k, v in flat.items()
            if isinstance(v, (numbers.Number, np.number, list)) and not isinstance(v, bool)
        }
        wandb.config.update({k: v for k, v in flat.items() if k in {"node_ip"}}, allow_val_change=True)
        wandb.log(log)
    wandb.finish()


context = get_context("fork")
queue = context.Queue()
process = context.Process(
    target=logging_actor, args=(queue, {"env": "CartPole-v1", "lr": 5e-5, "callbacks": None, "num_workers": 2})
)
process.start()
for result in RESULTS:
    queue.put({k: v for k, v in result.items() if k != "policy"})
queue.put(None)
process.join()
assert process.exitcode == 0, process.exitcode
