"""Weights that a trained network could have, for models without any."""

import keras
import numpy as np


def norms(model):
    """The batch normalization layers, those in nested models too."""
    layers = model._flatten_layers()
    return [x for x in layers if isinstance(x, keras.layers.BatchNormalization)]


def randomize(model, images, seed=0):
    """Gives batch norm the statistics of `images`, as training would, and random
    factors and offsets, some factors negative: so values neither vanish nor grow.
    """
    random = np.random.default_rng(seed)
    for layer in norms(model):
        shape = layer.moving_mean.shape
        signs = random.choice([-1, *[1] * 15], shape)
        if layer.scale:
            layer.gamma.assign(random.uniform(0.7, 1.3, shape) * signs)
        if layer.center:
            layer.beta.assign(random.normal(0, 0.3, shape))
        layer.momentum = 0.0
    model(images, training=True)
