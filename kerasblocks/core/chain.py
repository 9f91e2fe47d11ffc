"""`Chain`: layers one after another, as one layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.core.composite import Composite, Run


@keras.saving.register_keras_serializable(package="kerasblocks")
class Chain(Composite):
    """Runs layers one after another; an empty chain is the identity.

    It is like `keras.Sequential`, but a layer and not a model: it has no inputs of its
    own and cannot be compiled.

    Input shape: the input shape of the first layer.
    Output shape: the output shape of the last layer.

    Args:
        layers: A list of Keras layers. An empty list is the identity.
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
    layers: Any,
    name: str,
    dtype: Any = None,
) -> keras.layers.Layer:
    """Returns a layer as it is, and a list of layers as a `Chain`.

    Args:
        owner: The class, for the error message.
        argument: The argument's name, for the error message.
        layers: A Keras layer, or a list of them.
        name: The name of the chain.
        dtype: The dtype policy of the chain.

    Raises:
        ValueError: `layers` is neither.
    """
    if isinstance(layers, keras.layers.Layer):
        return layers
    if isinstance(layers, list | tuple) and all(
        isinstance(layer, keras.layers.Layer) for layer in layers
    ):
        return Chain(list(layers), name=name, dtype=dtype)
    raise ValueError(
        f"{owner}: '{argument}' must be a Keras layer or a list of Keras layers, "
        f"got {layers!r}"
    )
