"""The trials that benchmarks/search.py runs on every side, and their log.

Each process writes a line as a model is built and as it was trained: what lies
between is the side's own.
"""

import json
import os
import time
from pathlib import Path

import keras
import keras_tuner as kt
import psutil
from sklearn.datasets import load_digits

NAME = "search-speed"
OBJECTIVE = kt.Objective("val_accuracy", "max")
EPOCHS = 4
BATCH = 32


def data():
    digits = load_digits()
    x = digits.images[..., None].astype("float32") / 16
    y = digits.target
    return (x[:1200], y[:1200]), (x[1200:], y[1200:])


def rates(trials):
    return [1e-3 * (1 + number / 100) for number in range(trials)]


class Listed(kt.Oracle):
    """Gives the points of a list, one after the other, whoever asks."""

    def populate_space(self, trial_id):
        points = self.hyperparameters.space[0].values
        number = int(trial_id)
        if number >= len(points):
            return {"status": "STOPPED"}
        return {"status": "RUNNING", "values": {"rate": points[number]}}


class Logged(kt.HyperModel):
    """A small convolutional network; the points differ in the learning rate alone."""

    def __init__(self, trials, log):
        super().__init__()
        self.trials, self.log = trials, str(log)

    def build(self, hp):
        begun = time.time()
        rate = hp.Choice("rate", rates(self.trials))
        model = keras.Sequential(
            [
                keras.Input((8, 8, 1)),
                keras.layers.Conv2D(32, 3, padding="same", activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.Conv2D(64, 3, padding="same", activation="relu"),
                keras.layers.BatchNormalization(),
                keras.layers.GlobalAveragePooling2D(),
                keras.layers.Dense(10, activation="softmax"),
            ]
        )
        model.compile(
            keras.optimizers.Adam(rate),
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=False,
        )
        self._say("build", begun)
        return model

    def fit(self, hp, model, *args, **kwargs):
        begun = time.time()
        history = model.fit(*args, **kwargs)
        self._say("fit", begun)
        return history

    def _say(self, what, begun):
        line = {
            "pid": os.getpid(),
            "what": what,
            "begun": begun,
            "ended": time.time(),
            "memory": psutil.Process().memory_info().rss,
        }
        with Path(self.log).open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")
