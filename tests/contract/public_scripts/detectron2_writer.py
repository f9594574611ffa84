"""An event storage with writers of its own, of which one is for W&B, in the manner of detectron2 and its forks."""

import json
from collections import defaultdict
from contextlib import contextmanager

import numpy as np
import wandb


class EventStorage:
    def __init__(self, start_iter=0):
        self.iter, self.history, self.images = start_iter, defaultdict(list), []

    def put_scalars(self, **scalars):
        for name, value in scalars.items():
            self.history[name].append((self.iter, float(value)))

    def put_image(self, name, image):
        self.images.append((name, image, self.iter))

    def latest_with_smoothing_hint(self, window=20):
        return {
            name: (np.median([v for _, v in values[-window:]]), values[-1][0]) for name, values in self.history.items()
        }


class WandbWriter:
    def __init__(self, cfg, window_size=4):
        self._window_size, self._last_write = window_size, -1
        self._run = wandb.init(project="detectron2", config=cfg, job_type="training", resume="allow", dir=".")
        self._run._label(repo="detectron2")

    def write(self, storage):
        new = {}
        for name, (value, iteration) in storage.latest_with_smoothing_hint(self._window_size).items():
            if iteration > self._last_write:
                new[name] = value
        for name, image, iteration in storage.images:
            new[name] = wandb.Image(image, caption=f"iter {iteration}")
        storage.images.clear()
        self._last_write = storage.iter
        self._run.log(new, step=storage.iter)

    def close(self):
        self._run.finish()


class JSONWriter:
    def __init__(self, path):
        self._file = open(path, "w")

    def write(self, storage):
        self._file.write(json.dumps({"iteration": storage.iter}) + "\n")

    def close(self):
        self._file.close()


@contextmanager
def trainer(writers, storage):
    try:
        yield storage
    finally:
        for writer in writers:
            writer.close()


rng = np.random.default_rng(0)
cfg = {"MODEL": {"META_ARCHITECTURE": "GeneralizedRCNN", "ROI_HEADS": {"NUM_CLASSES": 80}}, "SOLVER": {"BASE_LR": 0.02}}
writers = [JSONWriter("metrics.json"), WandbWriter(cfg)]
with trainer(writers, EventStorage()) as storage:
    for storage.iter in range(12):
        storage.put_scalars(total_loss=5 / (storage.iter + 1), lr=0.02, loss_cls=rng.uniform(), data_time=0.1)
        if storage.iter == 5:
            storage.put_image("Left GT proposals; right predictions", rng.integers(0, 255, (8, 16, 3), dtype=np.uint8))
        if (storage.iter + 1) % 4 == 0:
            for writer in writers:
                writer.write(storage)
    for name, value in {"bbox/AP": 37.9, "bbox/AP50": 58.8, "bbox/APs": float("nan")}.items():
        writers[1]._run.summary[name] = value
