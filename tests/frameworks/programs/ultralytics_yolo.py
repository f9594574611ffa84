"""ultralytics' YOLO, trained to classify."""

from pathlib import Path

import numpy as np
from PIL import Image
from ultralytics import YOLO, settings

# Without the folder it is one of the repository that the environment lies in.
settings.update({"wandb": True, "sync": False, "runs_dir": str(Path("runs").absolute())})
random = np.random.default_rng(1)
for part in ("train", "val"):
    for name, level in (("dark", 40), ("light", 200)):
        folder = Path("data", part, name)
        folder.mkdir(parents=True)
        for number in range(4):
            picture = random.integers(level - 20, level + 20, (32, 32, 3), dtype=np.uint8)
            Image.fromarray(picture).save(folder / f"{number}.png")
YOLO("yolo11n-cls.yaml").train(
    data=str(Path("data").absolute()),
    project="p",
    name="r",
    epochs=2,
    imgsz=32,
    batch=4,
    workers=0,
    device="cpu",
    seed=1,
    plots=False,
    amp=False,
    verbose=False,
)
