"""A linear 1x1 projection: other channels, and smaller sizes by given laws."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.blocks.crop import Crop
from kerasblocks.blocks.size_law import SizeLaw
from kerasblocks.core.axes import layer_class
from kerasblocks.core.chain import Chain


def make_projection(
    filters: int,
    laws: Sequence[SizeLaw],
    data_format: str,
    dtype: Any,
    *,
    name: str = "projection",
    cropped: str = "cropped",
    activation: Any = None,
) -> keras.layers.Layer:
    """A Dense layer, or a 1x1 convolution where Dense would not do.

    Args:
        filters: How many channels come out.
        laws: What becomes of each spatial axis, none for vectors.
        data_format: "channels_last" or "channels_first".
        dtype: The dtype policy of the layers.
        name: The name of the layer with the weights.
        cropped: The name of the chain of it and a `Crop`, where a law needs one.
        activation: An activation, None for a linear projection.
    """
    pointwise = all(law.stride == 1 for law in laws)
    if not laws or (len(laws) == 1 and pointwise and data_format == "channels_last"):
        # The same as a 1x1 convolution, and unlike it Dense keeps a mask.
        return keras.layers.Dense(filters, activation, name=name, dtype=dtype)
    options = {"data_format": data_format, "dtype": dtype}
    convolution = layer_class("Conv{}D", len(laws))(
        filters,
        1,
        strides=tuple(law.stride for law in laws),
        activation=activation,
        name=name,
        **options,
    )
    if not any(law.crop for law in laws):
        return convolution
    cropping = [(law.crop // 2, law.crop - law.crop // 2) for law in laws]
    crop = Crop(cropping, name="crop", **options)
    return Chain([crop, convolution], name=cropped, dtype=dtype)
