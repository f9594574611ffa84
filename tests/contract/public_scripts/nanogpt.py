"""A GPT trained from scratch, in the manner of nanoGPT's `train.py`."""

import math
import time

import numpy as np

# ---- configuration: globals, which a configurator may override
out_dir = "out"
eval_interval = 5
eval_iters = 4
wandb_log = True
wandb_project = "owt"
wandb_run_name = "gpt2"
batch_size = 4
block_size = 8
n_layer = 1
n_head = 1
n_embd = 8
dropout = 0.0
bias = False
learning_rate = 6e-2
max_iters = 15
weight_decay = 1e-1
decay_lr = True
warmup_iters = 3
lr_decay_iters = 15
min_lr = 6e-3
device = "cpu"
dtype = "float32"
compile = False
config_keys = [k for k, v in globals().items() if not k.startswith("_") and isinstance(v, (int, float, bool, str))]
config = {k: globals()[k] for k in config_keys}

rng = np.random.default_rng(1337)
data = rng.integers(0, 16, size=512)
weights = rng.normal(size=(16, 16)) * 0.1


def get_batch():
    ix = rng.integers(0, len(data) - 1, size=batch_size * block_size)
    return data[ix], data[ix + 1]


def forward(x, y):
    logits = weights[x]
    logits = logits - logits.max(axis=1, keepdims=True)
    probs = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    return probs, -np.log(probs[np.arange(len(y)), y]).mean()


def estimate_loss():
    return {
        split: np.mean([forward(*get_batch())[1] for _ in range(eval_iters)], dtype=np.float32)
        for split in ("train", "val")
    }


def get_lr(it):
    if it < warmup_iters:
        return learning_rate * (it + 1) / (warmup_iters + 1)
    if it > lr_decay_iters:
        return min_lr
    decay_ratio = (it - warmup_iters) / (lr_decay_iters - warmup_iters)
    return min_lr + 0.5 * (1.0 + math.cos(math.pi * decay_ratio)) * (learning_rate - min_lr)


if wandb_log:
    import wandb

    wandb.init(project=wandb_project, name=wandb_run_name, config=config)

iter_num, best_val_loss, running_mfu = 0, 1e9, -1.0
t0 = time.time()
while True:
    lr = get_lr(iter_num) if decay_lr else learning_rate
    if iter_num % eval_interval == 0:
        losses = estimate_loss()
        print(f"step {iter_num}: train loss {losses['train']:.4f}, val loss {losses['val']:.4f}")
        if wandb_log:
            wandb.log(
                {
                    "iter": iter_num,
                    "train/loss": losses["train"],
                    "val/loss": losses["val"],
                    "lr": lr,
                    "mfu": running_mfu * 100,
                }
            )
        best_val_loss = min(best_val_loss, losses["val"])
    X, Y = get_batch()
    probs, loss = forward(X, Y)
    probs[np.arange(len(Y)), Y] -= 1
    np.add.at(weights, X, -lr * probs)
    iter_num += 1
    if iter_num > max_iters:
        break
