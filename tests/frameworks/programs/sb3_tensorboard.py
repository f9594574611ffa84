"""Stable-Baselines3's `tensorboard_log`, with `sync_tensorboard=True`."""

import wandb
from stable_baselines3 import PPO

with wandb.init(project="p", name="r", sync_tensorboard=True):
    PPO("MlpPolicy", "CartPole-v1", n_steps=64, seed=1, device="cpu", tensorboard_log="runs").learn(256)
