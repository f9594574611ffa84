"""DQN in the manner of cleanrl's `dqn.py`: PyTorch's `SummaryWriter`, with `sync_tensorboard=True`."""

import random
import time
from collections import deque

import gymnasium as gym
import torch
import wandb
from torch import nn
from torch.utils.tensorboard import SummaryWriter

config = {"exp_name": "dqn", "seed": 1, "lr": 2.5e-4, "total": 600, "batch": 16, "gamma": 0.99, "begins": 100}
wandb.init(project="p", name="r", sync_tensorboard=True, config=config)
writer = SummaryWriter("runs/r")
writer.add_text("hyperparameters", "\n".join(f"|{key}|{value}|" for key, value in config.items()))

random.seed(config["seed"])
torch.manual_seed(config["seed"])
env = gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))
env.action_space.seed(config["seed"])
network = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 2))
target = nn.Sequential(nn.Linear(4, 24), nn.ReLU(), nn.Linear(24, 2))
target.load_state_dict(network.state_dict())
optimizer = torch.optim.Adam(network.parameters(), lr=config["lr"])
memory, begun = deque(maxlen=1000), time.time()

seen = torch.tensor(env.reset(seed=config["seed"])[0])
for global_step in range(config["total"]):
    epsilon = max(0.05, 1 - global_step / 300)
    action = int(env.action_space.sample() if random.random() < epsilon else network(seen).argmax())
    after, reward, ended, cut, infos = env.step(action)
    memory.append((seen, action, float(reward), torch.tensor(after), float(ended)))
    seen = torch.tensor(after)
    if "episode" in infos:
        writer.add_scalar("charts/episodic_return", infos["episode"]["r"], global_step)
        writer.add_scalar("charts/episodic_length", infos["episode"]["l"], global_step)
        writer.add_scalar("charts/epsilon", epsilon, global_step)
    if ended or cut:
        seen = torch.tensor(env.reset()[0])
    if global_step > config["begins"] and global_step % 10 == 0:
        states, actions, rewards, nexts, ends = zip(*random.sample(memory, config["batch"]))
        with torch.no_grad():
            best = target(torch.stack(nexts)).max(dim=1).values
            goal = torch.tensor(rewards) + config["gamma"] * best * (1 - torch.tensor(ends))
        value = network(torch.stack(states)).gather(1, torch.tensor(actions).unsqueeze(1)).squeeze(1)
        loss = nn.functional.mse_loss(goal, value)
        if global_step % 100 == 0:
            writer.add_scalar("losses/td_loss", loss, global_step)
            writer.add_scalar("losses/q_values", value.mean().item(), global_step)
            writer.add_scalar("charts/time", int(global_step / (time.time() - begun)), global_step)
            target.load_state_dict(network.state_dict())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
env.close()
writer.close()
