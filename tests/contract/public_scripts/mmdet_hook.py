"""A detector with a hook that logs, in the manner of mmdetection's MMDetWandbHook."""

import numpy as np


class Hook:
    def before_run(self, runner): ...
    def after_train_iter(self, runner): ...
    def after_train_epoch(self, runner): ...
    def after_run(self, runner): ...


class WandbLoggerHook(Hook):
    def __init__(self, init_kwargs=None, interval=2, commit=True, by_epoch=False, with_step=True, num_eval_images=2):
        self.import_wandb()
        self.init_kwargs, self.interval, self.commit = init_kwargs, interval, commit
        self.with_step, self.num_eval_images = with_step, num_eval_images

    def import_wandb(self):
        try:
            import wandb
        except ImportError:
            raise ImportError('Please run "pip install wandb" to install wandb')
        self.wandb = wandb

    def before_run(self, runner):
        if self.init_kwargs:
            self.wandb.init(**self.init_kwargs)
        else:
            self.wandb.init()
        self.data_table = self.wandb.Table(columns=["image_name", "image"])
        self.class_set = self.wandb.Classes([{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}])
        with open("config.py", "w") as f:
            f.write("model = dict(type='FasterRCNN')")
        self.wandb.save("config.py")

    def after_train_iter(self, runner):
        if runner["iter"] % self.interval == 0:
            tags = {"learning_rate": 0.02, "momentum": 0.9, "train/loss_cls": 1 / (runner["iter"] + 1)}
            if self.with_step:
                self.wandb.log(tags, step=runner["iter"], commit=self.commit)

    def after_train_epoch(self, runner):
        self.wandb.log({"val/bbox_mAP": 0.1 * runner["epoch"]}, commit=False)
        eval_table = self.wandb.Table(columns=["image_name", "ground_truth", "prediction"])
        for number in range(self.num_eval_images):
            image = np.full((8, 8, 3), 30 * number, dtype=np.uint8)
            box = {
                "position": {"minX": 1, "minY": 1, "maxX": 5, "maxY": 6},
                "class_id": 1,
                "box_caption": "cat",
                "domain": "pixel",
            }
            made = self.wandb.Image(
                image,
                boxes={"predictions": {"box_data": [box], "class_labels": {1: "cat", 2: "dog"}}},
                classes=self.class_set,
            )
            eval_table.add_data(f"{number}.jpg", self.wandb.Image(image), made)
        artifact = self.wandb.Artifact(f"run_{self.wandb.run.id}_pred", type="evaluation")
        artifact.add(eval_table, "eval_data")
        self.wandb.run.log_artifact(artifact)

    def after_run(self, runner):
        self.wandb.join()


hook = WandbLoggerHook(init_kwargs={"project": "mmdetection", "config": {"data": {"samples_per_gpu": 2}}})
runner = {"iter": 0, "epoch": 0}
hook.before_run(runner)
for runner["epoch"] in range(2):
    for _ in range(4):
        hook.after_train_iter(runner)
        runner["iter"] += 1
    hook.after_train_epoch(runner)
hook.after_run(runner)
