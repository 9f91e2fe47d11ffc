"""`Chain`: layers one after another, as one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.core.composite import Composite, Run


@keras.saving.register_keras_serializable(package="kerasblocks")
class Chain(Composite):
    """Runs layers one after another; an empty chain is the identity.

    It is to `keras.Sequential` what a layer is to a model: no inputs of its own,
    no compilation, built from shape to shape.

    Input shape: what the first layer takes.
    Output shape: what the last layer gives.

    Args:
        layers: A list of Keras layers, none for the identity.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `layers` is not a list of Keras layers.

    Example:
        >>> chain = Chain([keras.layers.Dense(8), keras.layers.ReLU()])
        >>> chain.compute_output_shape((None, 4))
        (None, 8)
    """

    def __init__(self, layers: Sequence[keras.layers.Layer] = (), **kwargs: Any):
        super().__init__(**kwargs)
        if isinstance(layers, str) or not isinstance(layers, Sequence):
            raise ValueError(
                f"{self._owner}: 'layers' must be a list of Keras layers, "
                f"got {layers!r}"
            )
        for position, layer in enumerate(layers):
            if not isinstance(layer, keras.layers.Layer):
                raise ValueError(
                    f"{self._owner}: 'layers' must be a list of Keras layers, "
                    f"got {layer!r} at position {position}"
                )
        self.layers = list(layers)

    def wire(self, run: Run, inputs: Any) -> Any:
        for layer in self.layers:
            inputs = run(layer, inputs)
        return inputs


def as_layer(
    owner: str,
    argument: str,
    path: Any,
    name: str,
    dtype: Any = None,
) -> keras.layers.Layer:
    """A path, given as a layer or a list of layers, as one layer.

    Args:
        owner: The class that takes the path, for the error message.
        argument: The argument's name, for the error message.
        path: A Keras layer, or a list of them.
        name: The name of the chain that is made of a list.
        dtype: The dtype policy of that chain.

    Raises:
        ValueError: `path` is neither.
    """
    if isinstance(path, keras.layers.Layer):
        return path
    if isinstance(path, list | tuple) and all(
        isinstance(layer, keras.layers.Layer) for layer in path
    ):
        return Chain(list(path), name=name, dtype=dtype)
    raise ValueError(
        f"{owner}: '{argument}' must be a Keras layer or a list of Keras layers, "
        f"got {path!r}"
    )
