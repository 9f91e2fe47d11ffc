"""`Augment`: random layers that run only in training."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.chain import Chain


@keras.saving.register_keras_serializable(package="kerasblocks")
class Augment(Chain):
    """Runs layers one after another in training, and is the identity otherwise.

    Keras' own random layers change images unless they are called with
    `training=False`, so they also change images in a plain `model(x)`.

    Input shape: the input shape of the first layer.
    Output shape: the same. No layer may change the shape.

    Args:
        layers: A list of Keras layers that change their input at random.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `layers` is not a list of Keras layers.

    Example:
        >>> import numpy as np
        >>> augment = Augment([keras.layers.RandomFlip(), keras.layers.RandomZoom(0.2)])
        >>> images = np.arange(12.0).reshape(1, 2, 2, 3)
        >>> bool((keras.ops.convert_to_numpy(augment(images)) == images).all())
        True
    """

    def call(self, inputs: Any, training: bool = False) -> Any:
        # Keras passes the `training` of this call on to the children.
        return super().call(inputs)
