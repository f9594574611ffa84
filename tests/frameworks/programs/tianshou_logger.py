"""tianshou's WandbLogger, in a trainer that saves checkpoints as artifacts."""

from pathlib import Path

import gymnasium as gym
import torch
from tianshou.algorithm import DQN
from tianshou.algorithm.modelfree.dqn import DiscreteQLearningPolicy
from tianshou.algorithm.optim import AdamOptimizerFactory
from tianshou.data import Collector, VectorReplayBuffer
from tianshou.env import DummyVectorEnv
from tianshou.trainer import OffPolicyTrainerParams
from tianshou.utils import WandbLogger
from tianshou.utils.net.common import Net
from torch.utils.tensorboard import SummaryWriter

torch.manual_seed(1)
env = gym.make("CartPole-v1")
envs = {name: DummyVectorEnv([lambda: gym.make("CartPole-v1")]) for name in ("training", "test")}
for vector in envs.values():
    vector.seed(1)
policy = DiscreteQLearningPolicy(
    model=Net(state_shape=(4,), action_shape=2, hidden_sizes=[8]),
    action_space=env.action_space,
    observation_space=env.observation_space,
    eps_training=0.1,
)
algorithm = DQN(policy=policy, optim=AdamOptimizerFactory(lr=1e-3), gamma=0.99)
training = Collector(algorithm, envs["training"], VectorReplayBuffer(100, 1))
test = Collector(algorithm, envs["test"])
logger = WandbLogger(project="p", name="r", config={"lr": 1e-3}, save_interval=1, training_interval=1)
logger.load(SummaryWriter("log"))


def save(epoch, env_step, gradient_step):
    Path("checkpoint.pth").write_bytes(b"weights %d" % epoch)
    return "checkpoint.pth"


algorithm.run_training(
    OffPolicyTrainerParams(
        training_collector=training,
        test_collector=test,
        max_epochs=2,
        epoch_num_steps=40,
        batch_size=8,
        collection_step_num_env_steps=10,
        update_step_num_gradient_steps_per_sample=0.1,
        test_step_num_episodes=1,
        save_checkpoint_fn=save,
        logger=logger,
        show_progress=False,
        verbose=False,
    )
)
logger.finalize()
