"""`Augment`: random changes that only training sees."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.chain import Chain


@keras.saving.register_keras_serializable(package="kerasblocks")
class Augment(Chain):
    """Runs layers one after another in training, and passes its input on otherwise.

    Keras' own random layers change images wherever they are not told that it is not
    training, in a plain `model(x)` too.

    Input shape: what the first layer takes.
    Output shape: the same, which each layer must keep.

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
        # What a layer is called with, its children are called with too.
        return super().call(inputs)
