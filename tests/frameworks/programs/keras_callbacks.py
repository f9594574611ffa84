"""The callbacks for Keras that the official SDK ships."""

import os

os.environ["KERAS_BACKEND"] = "torch"
import keras
import numpy as np
import wandb
from wandb.integration.keras import WandbMetricsLogger, WandbModelCheckpoint

keras.utils.set_random_seed(1)
with wandb.init(project="p", name="r", config={"bs": 4}):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse", metrics=["mae"])
    x = np.linspace(0, 1, 64).reshape(16, 4)
    callbacks = [WandbMetricsLogger(log_freq=2), WandbModelCheckpoint("model.keras")]
    model.fit(x, x.sum(1), batch_size=4, epochs=2, verbose=0, validation_data=(x, x.sum(1)), callbacks=callbacks)
