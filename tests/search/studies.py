"""Studies small enough to run in a test: real data, tiny models, no graph."""

import keras
import numpy as np
from sklearn.datasets import load_digits

from kerasblocks.search import Splits, Study


def data():
    digits = load_digits()
    x, y = digits.data.astype("float32") / 16, digits.target
    return Splits((x[:64], y[:64]), (x[64:96], y[64:96]), (x[96:128], y[96:128]))


def compiled(model, rate=0.01):
    model.compile(
        keras.optimizers.Adam(rate),
        "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        run_eagerly=True,
    )
    return model


def dense(units, rate=0.01):
    layers = [
        keras.Input((64,)),
        keras.layers.Dense(units, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ]
    return compiled(keras.Sequential(layers), rate)


def build(hp):
    units = hp.Choice("units", [4, 8, 16, 32])
    return dense(units, hp.Float("rate", 1e-3, 1e-1, sampling="log"))


def nan_loss(truth, guess):
    return keras.ops.sum(guess) * np.float32("nan")


def study(**changes):
    settings = {
        "name": "tiny",
        "hypermodel": build,
        "data": data,
        "objective": "val_accuracy",
        "trials": 3,
        "epochs": 1,
        "batch_size": 64,
    }
    return Study(**settings | changes)
