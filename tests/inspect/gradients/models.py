"""Models and data with gradients that are known."""

import keras
import numpy as np
from keras import layers, ops


def data(rows=8, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def line(dtype=None, **kwargs):
    """y = v * (w . x), with w = (1, 2) and v = 3."""
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="float32"),
            layers.Dense(1, use_bias=False, name="w", dtype=dtype, **kwargs),
            layers.Dense(1, use_bias=False, name="v", dtype=dtype),
        ]
    )
    model.set_weights([np.array([[1.0], [2.0]]), np.array([[3.0]])])
    return model


# w.x = 11, the prediction is 33. Of (33 - y)^2 with y = 31 the gradient by w is
# 2 * 2 * 3 * (3, 4), of norm 60, and by v it is 2 * 2 * 11 = 44.
X, Y = np.array([[3.0, 4.0]], "float32"), np.array([[31.0]], "float32")


def norms(flow):
    return {block.name: block.gradient_norm for block in flow.blocks}


def notes(flow):
    return {block.name: block.note for block in flow.blocks}


class Cubed(keras.Model):
    """A model with a loss of its own, which declares its last layer first."""

    def __init__(self):
        super().__init__()
        self.last = layers.Dense(1, name="last")
        self.first = layers.Dense(2, name="first")

    def call(self, inputs, training=None):
        return self.last(self.first(inputs))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        assert training
        return ops.mean((y - y_pred) ** 3) / 1000
