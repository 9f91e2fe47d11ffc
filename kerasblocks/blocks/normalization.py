"""Makes normalization layers from names and layers."""

from __future__ import annotations

import math
from typing import Any

import keras

from kerasblocks.core.activations import copy_layer
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
    """Returns a new normalization over the channels, or None for None.

    Args:
        owner: The class, for the error message.
        normalization: A name, or a layer to copy. The copy keeps the layer's axis. If
            that is the last axis, the copy gets `axis`.
        axis: The axis of the channels.
        channels: The number of channels. "group" makes 32 groups, or the largest
            smaller power of two that divides the channels.
        name: The name of the new layer.
        dtype: The dtype policy of the new layer.
    """
    if normalization is None:
        return None
    if axis != -1 and _is_rms(normalization):
        raise ValueError(
            f"{owner}: 'normalization' must not be RMSNormalization with "
            "channels_first, because Keras scales the wrong axis; use 'layer' instead"
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
