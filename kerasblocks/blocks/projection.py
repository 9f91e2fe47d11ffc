"""Makes 1x1 projections, which change the channels and reduce spatial sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.blocks.conv_block import ConvBlock
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
    chain_name: str = "cropped",
    activation: Any = None,
) -> keras.layers.Layer:
    """Returns a Dense layer if that is enough, else a 1x1 convolution.

    Args:
        filters: The number of output channels.
        laws: The law of each spatial axis. Empty for vectors.
        data_format: "channels_last" or "channels_first".
        dtype: The dtype policy of the layers.
        name: The name of the layer with the weights.
        chain_name: The name of the chain of `Crop` and this layer, if a law crops.
        activation: An activation, or None for a linear projection.
    """
    pointwise = all(law.stride == 1 for law in laws)
    if not laws or (len(laws) == 1 and pointwise and data_format == "channels_last"):
        # Dense computes the same as a 1x1 convolution and, unlike it, keeps a mask.
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
    return Chain([crop, convolution], name=chain_name, dtype=dtype)


def make_conv_projection(
    filters: int,
    laws: Sequence[SizeLaw],
    data_format: str,
    dtype: Any,
    **options: Any,
) -> keras.layers.Layer:
    """A 1x1 convolution with a normalization, and without activation.

    Args:
        filters: The number of output channels.
        laws: The size law of each spatial axis. Only their strides are used.
        data_format: "channels_last" or "channels_first".
        dtype: The dtype policy.
        **options: `normalization` and further arguments of `ConvBlock`.
    """
    return ConvBlock(
        filters,
        1,
        tuple(law.stride for law in laws),
        activation=None,
        data_format=data_format,
        name="projection",
        dtype=dtype,
        **options,
    )
