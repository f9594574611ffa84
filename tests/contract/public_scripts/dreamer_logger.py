"""Scalars, arrays and images by their shape, one row for each step of the environment, as DreamerV3's logger does it."""

import collections
import re

import numpy as np
import wandb


class WandBOutput:
    def __init__(self, name, pattern=r".*", **kwargs):
        self._pattern, self._wandb = re.compile(pattern), wandb
        self._run = wandb.init(name=name, **kwargs)

    def __call__(self, summaries):
        bystep = collections.defaultdict(dict)
        for step, name, value in summaries:
            if not self._pattern.search(name):
                continue
            if isinstance(value, str):
                bystep[step][name] = value
            elif len(value.shape) == 0:
                bystep[step][name] = float(value)
            elif len(value.shape) == 1:
                bystep[step][name] = wandb.Histogram(value)
            elif len(value.shape) in (2, 3):
                value = value[..., None] if len(value.shape) == 2 else value
                assert value.shape[3 - 1] in (1, 3, 4), value.shape
                if value.dtype != np.uint8:
                    value = (255 * np.clip(value, 0, 1)).astype(np.uint8)
                value = np.transpose(value, [2, 0, 1])
                bystep[step][name] = wandb.Image(np.transpose(value, [1, 2, 0]))
        for step, metrics in bystep.items():
            self._run.log(metrics, step=step)


class Logger:
    def __init__(self, outputs):
        self.outputs, self._metrics, self.step = outputs, [], 0

    def add(self, mapping, prefix=None):
        for name, value in dict(mapping).items():
            name = f"{prefix}/{name}" if prefix else name
            self._metrics.append((self.step, name, value if isinstance(value, str) else np.array(value)))

    def write(self):
        for output in self.outputs:
            output(tuple(self._metrics))
        self._metrics.clear()


rng = np.random.default_rng(0)
logger = Logger(
    [WandBOutput("dreamer", r"^(?!replay/)", project="dreamerv3", config={"task": "crafter", "run": {"steps": 1e6}})]
)
for logger.step in range(0, 400, 100):
    logger.add({"score": rng.normal(), "length": 10000, "actions": rng.integers(0, 17, size=30)}, prefix="episode")
    logger.add({"model_loss": np.float32(3.5), "image_loss_std": 0.0, "grad_overflow": False}, prefix="train")
    logger.add({"replay_ratio": 512.0}, prefix="replay/stats")
    if logger.step == 200:
        logger.add({"openloop": rng.random((6, 8, 3)), "mask": rng.random((6, 8))}, prefix="report")
        logger.add({"note": "evaluation"})
    logger.write()
