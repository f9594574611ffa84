"""A detector with a logger class that resumes, makes artifacts and tables, in the manner of yolov5's wandb utilities."""

import logging
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

try:
    import wandb

    assert hasattr(wandb, "__version__")
    from pkg_resources import parse_version  # noqa: F401
except (ImportError, AssertionError):
    if "wandb" not in sys.modules:
        wandb = None


@contextmanager
def all_logging_disabled(highest_level=logging.CRITICAL):
    previous = logging.root.manager.disable
    logging.disable(highest_level)
    try:
        yield
    finally:
        logging.disable(previous)


class WandbLogger:
    def __init__(self, opt, run_id=None, job_type="Training"):
        self.job_type, self.wandb, self.log_dict, self.current_epoch = job_type, wandb, {}, 0
        self.wandb_run = None if not wandb else wandb.run
        if self.wandb:
            self.wandb_run = (
                wandb.init(
                    config=opt,
                    resume="allow",
                    project="YOLOv5",
                    entity=None,
                    name="exp",
                    job_type=job_type,
                    id=run_id,
                    allow_val_change=True,
                )
                if not wandb.run
                else wandb.run
            )
        if self.wandb_run and job_type == "Training":
            self.wandb_run.config.update(opt, allow_val_change=True)
            wandb.define_metric("epoch")
            for prefix in ("train/*", "val/*", "metrics/*", "x/*"):
                wandb.define_metric(prefix, step_metric="epoch")
            self.result_table = wandb.Table(["epoch", "id", "ground truth", "prediction"])

    def log(self, log_dict):
        if self.wandb_run:
            self.log_dict.update(log_dict)

    def end_epoch(self):
        if self.wandb_run:
            with all_logging_disabled():
                try:
                    wandb.log(self.log_dict)
                except BaseException as e:
                    print(f"An error occurred in wandb logger. {e}")
                    self.wandb_run.finish()
                    self.wandb_run = None
                self.log_dict = {}

    def log_model(self, path, epoch, fitness, best_model=False):
        artifact = wandb.Artifact(
            f"run_{wandb.run.id}_model",
            type="model",
            metadata={"original_url": str(path), "epochs_trained": epoch + 1, "fitness_score": fitness},
        )
        artifact.add_file(str(path / "last.pt"), name="last.pt")
        aliases = ["latest", "last", f"epoch {self.current_epoch}", "best" if best_model else ""]
        wandb.log_artifact(artifact, aliases=[alias for alias in aliases if alias])

    def finish_run(self):
        if self.wandb_run:
            if self.log_dict:
                with all_logging_disabled():
                    wandb.log(self.log_dict)
            wandb.run.finish()


opt = {"weights": "yolov5s.pt", "hyp": {"lr0": 0.01, "mosaic": 1.0}, "save_dir": "runs/train/exp", "noval": False}
folder = Path("weights")
folder.mkdir()
logger = WandbLogger(opt)
names = {0: "person", 1: "bicycle"}
for epoch in range(2):
    logger.current_epoch = epoch
    logger.log(
        {"train/box_loss": np.float32(0.1 / (epoch + 1)), "metrics/mAP_0.5": 0.3 * epoch, "x/lr0": 0.01, "epoch": epoch}
    )
    image = np.full((16, 16, 3), 40 * epoch, dtype=np.uint8)
    box_data = [
        {
            "position": {"minX": 1, "minY": 2, "maxX": 9, "maxY": 12},
            "class_id": 0,
            "box_caption": "person 0.90",
            "scores": {"class_score": 0.9},
            "domain": "pixel",
        }
    ]
    boxes = {"predictions": {"box_data": box_data, "class_labels": names}}
    logger.log({"Bounding Box Debugger/Images": [wandb.Image(image, boxes=boxes, caption="0.jpg")]})
    (folder / "last.pt").write_text(str(epoch))
    logger.log_model(folder, epoch, 0.5, best_model=epoch == 1)
    logger.result_table.add_data(epoch, 0, wandb.Image(image), 0.9)
    logger.end_epoch()
wandb.log({"result": logger.result_table})
logger.finish_run()
