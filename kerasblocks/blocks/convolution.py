"""Makes Keras convolutions by kind and rank."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import keras

from kerasblocks.core.axes import layer_class

CONVOLUTIONS = {
    "standard": "Conv{}D",
    "separable": "SeparableConv{}D",
    "depthwise": "DepthwiseConv{}D",
}
_GIVEN_BY_THE_BLOCK = {
    *("self", "filters", "kernel_size", "strides", "padding", "data_format"),
    *("activation", "kwargs"),
}


@functools.cache
def convolution_options(kind: str) -> frozenset[str]:
    """The arguments of a Keras convolution that the block does not name itself."""
    signature = inspect.signature(layer_class(CONVOLUTIONS[kind], 2).__init__)
    return frozenset(signature.parameters) - _GIVEN_BY_THE_BLOCK


def shared_options() -> frozenset[str]:
    """The options that make sense for all convolutions of a block.

    Options for a single kernel, such as `dilation_rate` and `groups`, do not belong to
    them.
    """
    shared = ("_initializer", "_regularizer", "_constraint", "use_bias")
    return frozenset(o for o in convolution_options("standard") if o.endswith(shared))


def make_convolution(
    kind: str,
    rank: int,
    *,
    filters: int | None,
    channels: int,
    options: dict[str, Any],
    dtype: Any,
    **common: Any,
) -> list[keras.layers.Layer]:
    """Returns the layers of a convolution, for an input with `channels` channels.

    Keras has no depthwise or separable convolution in 3D. There, a depthwise
    convolution is a grouped convolution, and a separable convolution is a grouped one
    followed by a 1x1x1 convolution.

    Args:
        kind: A key of `CONVOLUTIONS`.
        rank: The number of spatial axes.
        filters: The output channels, None for "depthwise".
        channels: The input channels.
        options: Further arguments of the Keras layer.
        dtype: The dtype policy.
        **common: `kernel_size`, `strides`, `padding` and `data_format`.
    """
    common = {**common, "dtype": dtype, "name": "convolution"}
    if kind == "standard" or rank < 3:
        given = {} if kind == "depthwise" else {"filters": filters}
        return [layer_class(CONVOLUTIONS[kind], rank)(**given, **common, **options)]
    if kind == "depthwise":
        return [_depthwise_3d(channels, common, options)]
    depthwise = {**_only(options, "depthwise_"), "use_bias": False}
    for name in ("depth_multiplier", "dilation_rate"):
        if name in options:
            depthwise[name] = options[name]
    rest = {
        name: value
        for name, value in options.items()
        if not name.startswith(("depthwise_", "pointwise_"))
        and name not in ("depth_multiplier", "dilation_rate")
    }
    pointwise = {
        name.replace("pointwise_", "kernel_"): value
        for name, value in _only(options, "pointwise_").items()
    }
    return [
        _depthwise_3d(channels, {**common, "name": "depthwise"}, depthwise),
        keras.layers.Conv3D(
            filters,
            1,
            data_format=common["data_format"],
            dtype=dtype,
            name="pointwise",
            **pointwise,
            **rest,
        ),
    ]


def _depthwise_3d(
    channels: int, common: dict[str, Any], options: dict[str, Any]
) -> keras.layers.Layer:
    options = dict(options)
    filters = channels * options.pop("depth_multiplier", 1)
    options = {
        name.replace("depthwise_", "kernel_"): value for name, value in options.items()
    }
    return keras.layers.Conv3D(filters, groups=channels, **common, **options)


def _only(options: dict[str, Any], prefix: str) -> dict[str, Any]:
    return {name: v for name, v in options.items() if name.startswith(prefix)}
