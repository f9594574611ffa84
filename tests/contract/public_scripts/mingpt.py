"""A GPT with a trainer and callbacks, and its config as a tree of nodes, in the manner of minGPT and its followers."""

import os
import random

import wandb


class CfgNode:
    def __init__(self, **kwargs):
        self.__dict__.update(kwargs)

    def to_dict(self):
        return {k: v.to_dict() if isinstance(v, CfgNode) else v for k, v in self.__dict__.items()}


C = CfgNode(
    system=CfgNode(seed=3407, work_dir="./out/adder"),
    model=CfgNode(model_type="gpt-nano", n_layer=None, vocab_size=10, betas=(0.9, 0.95)),
    trainer=CfgNode(learning_rate=5e-4, max_iters=12, batch_size=64, grad_norm_clip=1.0),
)


class Trainer:
    def __init__(self):
        self.iter_num, self.iter_dt, self.loss, self.callbacks = 0, 0.0, 3.0, {}

    def add_callback(self, onevent, callback):
        self.callbacks.setdefault(onevent, []).append(callback)

    def run(self):
        for self.iter_num in range(C.trainer.max_iters):
            self.loss *= 0.9 + random.random() * 0.05
            for callback in self.callbacks.get("on_batch_end", []):
                callback(self)


random.seed(C.system.seed)
os.makedirs(C.system.work_dir, exist_ok=True)
run = wandb.init(project="mingpt", dir=C.system.work_dir, config=C.to_dict(), tags=["adder", "nano"])
trainer = Trainer()


def batch_end_callback(trainer):
    wandb.log(
        {"n_examples": trainer.iter_num * C.trainer.batch_size, "train_loss": trainer.loss}, step=trainer.iter_num
    )
    if trainer.iter_num % 4 == 0:
        wandb.log({"eval/accuracy": trainer.iter_num / 12}, step=trainer.iter_num)
        with open(os.path.join(C.system.work_dir, "model.pt"), "w") as f:
            f.write(str(trainer.loss))


trainer.add_callback("on_batch_end", batch_end_callback)
trainer.run()
wandb.save(os.path.join(C.system.work_dir, "model.pt"), base_path=C.system.work_dir)
run.finish()
