"""An epoch logger that writes text, config.json and W&B at once, in the manner of spinningup's `logx.py` forks."""

import json
import os
import os.path as osp

import numpy as np
import wandb


class EpochLogger:
    def __init__(self, output_dir, exp_name):
        self.output_dir, self.epoch_dict, self.log_current_row = output_dir, {}, {}
        os.makedirs(output_dir, exist_ok=True)
        self.output_file = open(osp.join(output_dir, "progress.txt"), "w")
        self.run = wandb.init(
            project="spinup", name=exp_name, dir=output_dir, sync_tensorboard=False, anonymous="allow"
        )

    def save_config(self, config):
        output = json.dumps({k: str(v) for k, v in config.items()}, separators=(",", ":\t"), indent=4, sort_keys=True)
        with open(osp.join(self.output_dir, "config.json"), "w") as out:
            out.write(output)
        self.run.config.update(config)

    def store(self, **kwargs):
        for k, v in kwargs.items():
            self.epoch_dict.setdefault(k, []).append(v)

    def log_tabular(self, key):
        v = np.asarray(self.epoch_dict.pop(key))
        self.log_current_row.update(
            {"Average" + key: v.mean(), "Std" + key: v.std(), "Max" + key: v.max(), "Min" + key: v.min()}
        )

    def dump_tabular(self, step):
        self.output_file.write("\t".join(map(str, self.log_current_row.values())) + "\n")
        self.output_file.flush()
        wandb.log(self.log_current_row, step=step)
        self.log_current_row.clear()


logger = EpochLogger("data/ppo_s0", "ppo")
logger.save_config({"gamma": 0.99, "actor_critic": np.mean, "seed": 0, "ac_kwargs": {"hidden_sizes": [64, 64]}})
for epoch in range(3):
    for episode in range(4):
        logger.store(EpRet=float(epoch * 10 + episode), EpLen=100 + episode)
    for key in ("EpRet", "EpLen"):
        logger.log_tabular(key)
    logger.dump_tabular(step=epoch * 4000)
logger.run.save(osp.join("data/ppo_s0", "*.json"), base_path="data/ppo_s0")
wandb.finish()
