"""A study whose trials last as long as a test needs, and do as it says."""

import os
import sys
import time

import keras
import keras_tuner as kt
import numpy as np

from kerasblocks.search import Splits, Study


class Told(kt.HyperModel):
    """Trains nothing: each epoch takes a moment and gives a made-up score."""

    def build(self, hp):
        # A test asks for other things by the point that it gives.
        hp.Choice("what", ["train"])
        hp.Float("x", 0.0, 1.0)
        inputs = keras.Input((1,))
        # Megabytes, which Ray carries in another way than what is small.
        model = keras.Model(inputs, keras.layers.Dense(100_000)(inputs))
        model.compile("sgd", "mse")
        return model

    def fit(self, hp, model, x, y, *, epochs, callbacks, initial_epoch=0, **_):
        what = hp.get("what")
        if what == "raise":
            raise ArithmeticError("as it was told")
        if what == "leave":
            sys.exit(3)
        if what == "hang":
            time.sleep(1000)
        for callback in callbacks:
            callback.set_model(model)
            callback.on_train_begin()
        for epoch in range(initial_epoch, epochs):
            time.sleep(0.1)
            score = (hp.get("x") - 0.3) ** 2 + 1 / (epoch + 1)
            logs = {"val_loss": score, "process": os.getpid()}
            for callback in callbacks:
                callback.on_train_batch_end(0)
                callback.on_epoch_end(epoch, logs)
            if model.stop_training:
                break


def data():
    part = np.ones((2, 1)), np.ones((2, 100_000))
    return Splits(part, part)


study = Study(
    name="told",
    hypermodel=Told(),
    data=data,
    objective=kt.Objective("val_loss", "min"),
    trials=40,
    epochs=3,
    checkpoint=0,
    retries={"killed": 100},
    max_failures=100,
)
