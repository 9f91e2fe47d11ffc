"""`XceptionBlock`: separable convolutions with a residual connection."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.normalization import check_normalization
from kerasblocks.blocks.projection import make_conv_projection
from kerasblocks.blocks.residual import Residual
from kerasblocks.blocks.size_law import SizeLaw
from kerasblocks.blocks.steps import make_branch
from kerasblocks.core.activations import check_activation
from kerasblocks.core.arguments import (
    is_positive_int,
    positive_int,
    sizes,
    split_keywords,
)

ORDER = ("activation", "convolution", "normalization")


@keras.saving.register_keras_serializable(package="kerasblocks")
class XceptionBlock(Residual):
    """Adds a branch of separable convolutions to its input.

    An activation comes before each convolution. With a stride, max pooling follows the
    convolutions, and the shortcut is a strided 1x1 convolution with a normalization.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same with the last of `filters` as channels, and each spatial
    size divided by its stride, rounded up.

    Args:
        filters: The number of filters of each convolution, or a list with one number
            for each convolution.
        kernel_size: A positive int, or a tuple with one for each spatial axis.
        strides: The same.
        depth: The number of convolutions. None means 2, or the length of `filters` if
            that is a list.
        normalization: As for `ConvBlock`.
        activation: As for `ConvBlock`.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> block = XceptionBlock(128, strides=2)
        >>> block.compute_output_shape((None, 33, 33, 64))
        (None, 17, 17, 128)

    Reference: Chollet, Xception: Deep Learning with Depthwise Separable Convolutions,
    CVPR 2017.
    """

    def __init__(
        self,
        filters: Any,
        kernel_size: Any = 3,
        strides: Any = 1,
        *,
        depth: int | None = None,
        normalization: Any = "batch",
        activation: Any = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        _, keywords = split_keywords(owner, kwargs, (), self.argument_names())
        counts = _filters(owner, filters, depth)
        sizes(owner, "kernel_size", kernel_size)
        sizes(owner, "strides", strides)
        steps: list[Any] = [(count, kernel_size) for count in counts]
        if any(number > 1 for number in keras.tree.flatten(strides)):
            steps.append(("max", 3, strides))
        common = {"data_format": data_format, "dtype": keywords.get("dtype")}
        convolution = {
            "convolution": "separable",
            "normalization": check_normalization(owner, normalization),
            "activation": check_activation(owner, "activation", activation),
            "order": ORDER,
        }
        super().__init__(
            make_branch(
                owner, "filters", steps, common=common, convolution=convolution
            ),
            data_format=data_format,
            **keywords,
        )
        self._keep(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            depth=depth,
            normalization=normalization,
            activation=activation,
        )

    def make_projection(self, filters: int, laws: list[SizeLaw]) -> keras.layers.Layer:
        return make_conv_projection(
            filters,
            laws,
            self.data_format,
            self.dtype_policy,
            normalization=self.normalization,
        )


def _filters(owner: str, filters: Any, depth: int | None) -> list[int]:
    if is_positive_int(filters):
        return [filters] * positive_int(owner, "depth", 2 if depth is None else depth)
    if (
        isinstance(filters, list | tuple)
        and filters
        and all(is_positive_int(count) for count in filters)
    ):
        if depth not in (None, len(filters)):
            raise ValueError(
                f"{owner}: 'depth' must be None or the length of 'filters', "
                f"{len(filters)}, got {depth!r}"
            )
        return list(filters)
    raise ValueError(
        f"{owner}: 'filters' must be a positive int or a list of positive ints, got "
        f"{filters!r}"
    )
