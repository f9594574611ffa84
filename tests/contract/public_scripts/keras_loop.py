"""A custom callback over `on_epoch_end` logs, as notebooks for Keras have it."""

import numpy as np
import wandb

wandb.init(
    project="keras-intro",
    config={
        "learning_rate": 0.005,
        "epochs": 3,
        "batch_size": 64,
        "loss_function": "sparse_categorical_crossentropy",
        "architecture": "CNN",
        "dataset": "CIFAR-10",
    },
)
config = wandb.config


class LogBatches:
    params = {"epochs": config.epochs}

    def on_batch_end(self, batch, logs=None):
        wandb.log({"batch/" + k: v for k, v in (logs or {}).items()}, commit=False)

    def on_epoch_end(self, epoch, logs=None):
        logs = dict(logs or {})
        logs["lr"] = np.asarray(config.learning_rate, dtype="float32")
        wandb.log({**logs, "epoch": epoch}, commit=True)


callback = LogBatches()
for epoch in range(config.epochs):
    for batch in range(2):
        callback.on_batch_end(batch, {"loss": np.float32(1 / (1 + epoch + batch))})
    callback.on_epoch_end(epoch, {"loss": 1 / (1 + epoch), "val_accuracy": np.float64(0.5 + 0.1 * epoch)})
cm = wandb.plot.confusion_matrix(y_true=[0, 1, 2, 2], preds=[0, 2, 2, 2], class_names=["cat", "dog", "bird"])
wandb.log({"conf_mat": cm})
wandb.log(
    {
        "weights": wandb.Histogram(np.linspace(-1, 1, 50)),
        "grads": wandb.Histogram(np_histogram=([1, 2], [0.0, 0.5, 1.0])),
    }
)
wandb.finish(exit_code=0)
