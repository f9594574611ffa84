"""The callback for Stable-Baselines3 that the official SDK ships."""

import wandb
from stable_baselines3 import PPO
from wandb.integration.sb3 import WandbCallback

with wandb.init(project="p", name="r", config={"steps": 128}):
    model = PPO("MlpPolicy", "CartPole-v1", n_steps=64, seed=1, device="cpu")
    model.learn(128, callback=WandbCallback(model_save_path="models", verbose=0, gradient_save_freq=10))
