"""DQN with everything through a `SummaryWriter`, in the manner of cleanrl's `dqn.py`; tensorboardX writes the file."""

import argparse
import importlib.util
import random

import numpy as np
import wandb
from tensorboardX import SummaryWriter

args = argparse.Namespace(
    exp_name="dqn", seed=1, track=True, wandb_project_name="cleanRL", wandb_entity=None, capture_video=False, gamma=0.99
)
run_name = f"CartPole-v1__{args.exp_name}__{args.seed}"
if args.track:
    wandb.init(
        project=args.wandb_project_name,
        entity=args.wandb_entity,
        sync_tensorboard=True,
        config=vars(args),
        name=run_name,
        monitor_gym=importlib.util.find_spec("gymnasium") is not None,
        save_code=True,
    )
writer = SummaryWriter(f"runs/{run_name}")
writer.add_text(
    "hyperparameters", "|param|value|\n|-|-|\n%s" % "\n".join(f"|{key}|{value}|" for key, value in vars(args).items())
)
random.seed(args.seed)
rng = np.random.default_rng(args.seed)
for global_step in range(0, 60, 10):
    writer.add_scalar("charts/episodic_return", float(rng.normal(20, 2)), global_step)
    writer.add_scalar("charts/epsilon", 1 - global_step / 60, global_step)
    if global_step >= 20:
        writer.add_scalar("losses/td_loss", float(rng.random()), global_step)
        writer.add_scalar("losses/q_values", float(rng.random()), global_step)
writer.close()
