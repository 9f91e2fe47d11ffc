"""Activations and normalizations: from a name, a function or a layer to a layer."""

from __future__ import annotations

import math
from typing import Any

import keras

from kerasblocks.core.arguments import did_you_mean

NORMALIZATIONS = {
    "batch": keras.layers.BatchNormalization,
    "layer": keras.layers.LayerNormalization,
    "group": keras.layers.GroupNormalization,
    "rms": keras.layers.RMSNormalization,
    "unit": keras.layers.UnitNormalization,
}


def check_normalization(owner: str, normalization: Any) -> Any:
    """Returns `normalization` if it is a known name, None or a layer, else raises."""
    if normalization is None or isinstance(normalization, keras.layers.Layer):
        return normalization
    if isinstance(normalization, str) and normalization in NORMALIZATIONS:
        return normalization
    names = ", ".join(repr(name) for name in NORMALIZATIONS)
    raise ValueError(
        f"{owner}: 'normalization' must be {names}, None or a Keras layer, "
        f"got {normalization!r}{did_you_mean(normalization, NORMALIZATIONS)}"
    )


def make_normalization(
    owner: str, normalization: Any, *, axis: int, channels: int, name: str, dtype: Any
) -> keras.layers.Layer | None:
    """A fresh normalization over the channels, or None for None.

    A layer is a template: its copy has its arguments, and its axis where that
    is other than the last. "group" makes 32 groups, or as many as divide the
    channels.
    """
    if normalization is None:
        return None
    if axis != -1 and _is_rms(normalization):
        raise ValueError(
            f"{owner}: 'normalization' must be another than RMSNormalization with "
            "channels_first, where Keras scales the wrong axis; 'layer' is the nearest"
        )
    if isinstance(normalization, keras.layers.Layer):
        overrides = {}
        if normalization.get_config().get("axis", None) in (-1, [-1]):
            overrides["axis"] = axis
        return copy_layer(normalization, name=name, dtype=dtype, **overrides)
    cls = NORMALIZATIONS[normalization]
    options = {"groups": math.gcd(32, channels)} if normalization == "group" else {}
    return cls(axis=axis, name=name, dtype=dtype, **options)


def _is_rms(normalization: Any) -> bool:
    rms = NORMALIZATIONS["rms"]
    return normalization == "rms" or isinstance(normalization, rms)


def check_activation(owner: str, activation: Any) -> Any:
    """Returns `activation` if Keras or a layer knows it, else raises."""
    if isinstance(activation, str):
        try:
            keras.activations.get(activation)
        except ValueError:
            known = [n for n in dir(keras.activations) if not n.startswith("_")]
            raise ValueError(
                f"{owner}: 'activation' must be the name of a Keras activation, a "
                f"function, a layer or None, got {activation!r}"
                f"{did_you_mean(activation, known)}"
            ) from None
    elif activation is not None and not callable(activation):
        raise ValueError(
            f"{owner}: 'activation' must be the name of a Keras activation, a "
            f"function, a layer or None, got {activation!r}"
        )
    return activation


def make_activation(
    activation: Any, *, name: str, dtype: Any
) -> keras.layers.Layer | None:
    """A fresh activation layer, or None where there is nothing to do."""
    if activation is None or activation == "linear":
        return None
    if isinstance(activation, keras.layers.Layer):
        return copy_layer(activation, name=name, dtype=dtype)
    return keras.layers.Activation(activation, name=name, dtype=dtype)


def copy_layer(template: keras.layers.Layer, **overrides: Any) -> keras.layers.Layer:
    """A new layer with the arguments of `template`, some of them replaced."""
    return type(template).from_config({**template.get_config(), **overrides})
