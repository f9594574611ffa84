"""PPO in the manner of cleanrl's `ppo.py`: PyTorch's `SummaryWriter`, with `sync_tensorboard=True`."""

import argparse
import time

import gymnasium as gym
import torch
import wandb
from torch import nn
from torch.distributions import Categorical
from torch.utils.tensorboard import SummaryWriter

args = argparse.Namespace(
    exp_name="ppo", seed=1, lr=2.5e-4, envs=2, steps=32, updates=8, gamma=0.99, clip=0.2, epochs=2
)
wandb.init(project="p", name="r", sync_tensorboard=True, config=vars(args), monitor_gym=True, save_code=True)
writer = SummaryWriter("runs/r")
writer.add_text("hyperparameters", "|param|value|\n|-|-|\n" + "\n".join(f"|{k}|{v}|" for k, v in vars(args).items()))

torch.manual_seed(args.seed)
envs = gym.vector.SyncVectorEnv([lambda: gym.wrappers.RecordEpisodeStatistics(gym.make("CartPole-v1"))] * args.envs)
actor = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 2))
critic = nn.Sequential(nn.Linear(4, 16), nn.Tanh(), nn.Linear(16, 1))
optimizer = torch.optim.Adam([*actor.parameters(), *critic.parameters()], lr=args.lr)

global_step, begun = 0, time.time()
seen = torch.tensor(envs.reset(seed=args.seed)[0])
for update in range(1, args.updates + 1):
    optimizer.param_groups[0]["lr"] = (1 - (update - 1) / args.updates) * args.lr
    kept = []
    for _ in range(args.steps):
        global_step += args.envs
        with torch.no_grad():
            choice = Categorical(logits=actor(seen))
            action = choice.sample()
        after, reward, ended, cut, infos = envs.step(action.numpy())
        kept.append((seen, action, choice.log_prob(action), torch.tensor(reward, dtype=torch.float32), ended | cut))
        seen = torch.tensor(after)
        for which, done in enumerate(infos.get("_episode", ())):
            if done:
                writer.add_scalar("charts/episodic_return", infos["episode"]["r"][which], global_step)
                writer.add_scalar("charts/episodic_length", infos["episode"]["l"][which], global_step)
    returns, value = [], critic(seen).squeeze(-1).detach()
    for *_, reward, done in reversed(kept):
        value = reward + args.gamma * value * (1 - torch.tensor(done, dtype=torch.float32))
        returns.insert(0, value)
    states, actions, before, *_ = (torch.stack(each) for each in list(zip(*kept))[:3])
    goal = torch.stack(returns)
    for _ in range(2):
        choice = Categorical(logits=actor(states))
        ratio = (choice.log_prob(actions) - before).exp()
        advantage = goal - critic(states).squeeze(-1)
        pg_loss = -torch.min(
            advantage.detach() * ratio, advantage.detach() * ratio.clamp(1 - args.clip, 1 + args.clip)
        ).mean()
        v_loss, entropy = advantage.pow(2).mean() / 2, choice.entropy().mean()
        optimizer.zero_grad()
        (pg_loss + v_loss / 2 - entropy / 100).backward()
        optimizer.step()
    writer.add_scalar("charts/learning_rate", optimizer.param_groups[0]["lr"], global_step)
    writer.add_scalar("losses/value_loss", v_loss.item(), global_step)
    writer.add_scalar("losses/policy_loss", pg_loss.item(), global_step)
    writer.add_scalar("losses/entropy", entropy.item(), global_step)
    writer.add_scalar("charts/time", global_step / (time.time() - begun), global_step)
envs.close()
writer.close()
