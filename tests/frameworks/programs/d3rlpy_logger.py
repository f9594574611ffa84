"""d3rlpy's WanDBAdapterFactory."""

import d3rlpy
import numpy as np

d3rlpy.seed(1)
rng = np.random.default_rng(1)
episodes = np.zeros(32)
episodes[7::8] = 1
dataset = d3rlpy.dataset.MDPDataset(
    rng.normal(size=(32, 3)).astype("f4"), rng.integers(0, 2, 32), rng.normal(size=32).astype("f4"), episodes
)
dqn = d3rlpy.algos.DQNConfig(batch_size=4).create(device="cpu:0")
dqn.fit(
    dataset,
    n_steps=4,
    n_steps_per_epoch=2,
    logger_adapter=d3rlpy.logging.WanDBAdapterFactory(project="p"),
    experiment_name="r",
    with_timestamp=False,
    show_progress=False,
)
