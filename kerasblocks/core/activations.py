"""Makes activation layers from names, functions and layers."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.arguments import did_you_mean


def check_activation(owner: str, argument: str, activation: Any) -> Any:
    """Returns `activation` if it is a name, a function, a layer or None, else raises.

    Args:
        owner: The class, for the error message.
        argument: The argument's name, for the error message.
        activation: What the user passed.
    """
    known: list[str] = []
    if isinstance(activation, str):
        try:
            keras.activations.get(activation)
            return activation
        except ValueError:
            known = [name for name in dir(keras.activations) if name[0] != "_"]
    elif activation is None or callable(activation):
        return activation
    raise ValueError(
        f"{owner}: '{argument}' must be the name of a Keras activation, a function, a "
        f"layer or None, got {activation!r}{did_you_mean(activation, known)}"
    )


def make_activation(
    activation: Any, *, name: str, dtype: Any
) -> keras.layers.Layer | None:
    """Returns a new activation layer, or None if `activation` is None or "linear"."""
    if activation is None or activation == "linear":
        return None
    if isinstance(activation, keras.layers.Layer):
        return copy_layer(activation, name=name, dtype=dtype)
    return keras.layers.Activation(activation, name=name, dtype=dtype)


def copy_layer(layer: keras.layers.Layer, **overrides: Any) -> keras.layers.Layer:
    """Returns a new layer with the config of `layer`, updated with `overrides`."""
    return type(layer).from_config({**layer.get_config(), **overrides})
