"""Models to fold, and what must be true of the result."""

import keras
import numpy as np
from keras import layers

from kerasblocks.inspect.fold import fold
from tests.table import arrays, randomize

BatchNorm = layers.BatchNormalization


def model_of(inputs, outputs):
    model = keras.Model(inputs, outputs)
    randomize(model, seed=0)
    return model


def chain(shape, *steps):
    x = inputs = keras.Input(shape)
    for step in steps:
        x = step(x)
    return model_of(inputs, x)


def images(*shape):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")


def kinds(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


def assert_folds(model, *expected, rtol=1e-5):
    """To these kinds of layers, with the same outputs; returns what came out."""
    folded = fold(model)
    assert kinds(folded) == list(expected)
    sizes = [[n or 7 for n in x.shape[1:]] for x in model.inputs]
    x = [images(*size) for size in sizes]
    x = x if len(x) > 1 else x[0]
    for ours, theirs in zip(arrays(folded(x)), arrays(model(x)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=rtol * np.abs(theirs).max())
    return folded


def norm_of(x, **kwargs):
    return BatchNorm()(x, **kwargs)
