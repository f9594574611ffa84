"""Keras' TensorBoard callback, with `sync_tensorboard=True`."""

import os

os.environ["KERAS_BACKEND"] = "tensorflow"
import keras
import numpy as np
import wandb

keras.utils.set_random_seed(1)
with wandb.init(project="p", name="r", sync_tensorboard=True):
    model = keras.Sequential([keras.layers.Input((4,)), keras.layers.Dense(1)])
    model.compile(optimizer=keras.optimizers.SGD(0.01), loss="mse")
    x = np.linspace(0, 1, 64).reshape(16, 4)
    callback = keras.callbacks.TensorBoard("logs", histogram_freq=1, write_graph=False)
    model.fit(x, x.sum(1), batch_size=4, epochs=3, verbose=0, callbacks=[callback])
