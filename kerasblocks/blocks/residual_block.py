"""`ResidualBlock`: convolutions with a residual connection around them."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.conv_block import STEPS, ConvBlock
from kerasblocks.blocks.convolution import convolution_options
from kerasblocks.blocks.pooling import POOLINGS, Pooling
from kerasblocks.blocks.residual import Residual
from kerasblocks.blocks.size_law import SizeLaw
from kerasblocks.blocks.templates import (
    check_activation,
    check_normalization,
    make_activation,
)
from kerasblocks.core.arguments import (
    is_positive_int,
    one_of,
    positive_int,
    sizes,
    split_keywords,
)
from kerasblocks.core.composite import Run

PRE_ACTIVATION = ("normalization", "activation", "convolution")
ORDERS = ("book", "post", "pre")
KINDS = ("standard", "separable")


@keras.saving.register_keras_serializable(package="kerasblocks")
class ResidualBlock(Residual):
    """A stack of convolutions, added to its own input.

    Where the shapes differ (another number of channels, a stride), the input goes
    through a linear 1x1 projection, as in `Residual`.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same with `filters` channels, and each spatial size divided by
    its stride, rounded up.

    Args:
        filters: The number of output channels.
        depth: How many convolutions of `kernel_size` there are.
        kernel_size: A positive int, or a tuple with one for each spatial axis.
        strides: Likewise: the stride of the first convolution, or of the pooling.
        pooling: "max" or "average" to reduce sizes by pooling after the convolutions
            instead of a strided convolution; needs `strides` above 1.
        bottleneck: A number that divides `filters`: the convolutions have `filters //
            bottleneck` channels, between a 1x1 convolution that reduces the channels
            and one that restores them.
        order: "book": every convolution has its activation, the sum has none.
            "post": the last activation comes after the sum (He et al. 2015).
            "pre": normalization and activation come before each convolution (He et
            al. 2016).
        normalization: As for `ConvBlock`; none by default, as in the book.
        activation: As for `ConvBlock`.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `convolution` as for `ConvBlock`, what else the convolutions take
            (`kernel_initializer`, `dilation_rate`, ...), and `name`, `dtype`,
            `trainable` of the block. For other padding, wire `ConvBlock`s in a
            `Residual`.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> block = ResidualBlock(128, depth=2, strides=2, normalization="batch")
        >>> block.compute_output_shape((None, 33, 33, 64))
        (None, 17, 17, 128)

    Reference: He et al., Deep Residual Learning for Image Recognition, CVPR 2016,
    and Identity Mappings in Deep Residual Networks, ECCV 2016; Chollet, Deep Learning
    with Python, 2017, section 7.1.4.
    """

    def __init__(
        self,
        filters: int,
        depth: int = 2,
        kernel_size: Any = 3,
        strides: Any = 1,
        *,
        pooling: str | None = None,
        bottleneck: int | None = None,
        order: str = "book",
        normalization: Any = None,
        activation: Any = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        positive_int(owner, "filters", filters)
        positive_int(owner, "depth", depth)
        sizes(owner, "kernel_size", kernel_size)
        sizes(owner, "strides", strides)
        one_of(owner, "order", order, ORDERS)
        _check_pooling(owner, pooling, strides)
        _check_bottleneck(owner, bottleneck, filters)
        options, keywords = split_keywords(
            owner, kwargs, _block_options(owner, kwargs), self.argument_names()
        )
        common = {"data_format": data_format, "dtype": keywords.get("dtype")}
        super().__init__(
            _path(
                filters,
                depth,
                kernel_size,
                strides,
                pooling=pooling,
                bottleneck=bottleneck,
                order=order,
                conv={**options, "normalization": normalization},
                activation=check_activation(owner, activation),
                common=common,
            ),
            data_format=data_format,
            **keywords,
        )
        self.filters = filters
        self.depth = depth
        self.kernel_size = kernel_size
        self.strides = strides
        self.pooling = pooling
        self.bottleneck = bottleneck
        self.order = order
        self._keep_untracked(
            normalization=check_normalization(owner, normalization),
            activation=activation,
        )
        self.options = options
        self.last_activation = (
            make_activation(activation, name="activation", dtype=self.dtype_policy)
            if order == "post"
            else None
        )

    def wire(self, run: Run, inputs: Any) -> Any:
        outputs = super().wire(run, inputs)
        last = self.last_activation
        return outputs if last is None else run(last, outputs)

    def make_projection(
        self, filters: int, laws: list[SizeLaw], shape: Any
    ) -> keras.layers.Layer:
        shared = ("_initializer", "_regularizer", "_constraint", "use_bias")
        options = {
            name: value
            for name, value in self.options.items()
            if name.endswith(shared) and name in convolution_options("standard")
        }
        normalization = None if self.order == "pre" else self.normalization
        return self.make_conv_projection(filters, laws, normalization, **options)


def _path(
    filters: int,
    depth: int,
    kernel_size: Any,
    strides: Any,
    *,
    pooling: str | None,
    bottleneck: int | None,
    order: str,
    conv: dict[str, Any],
    activation: Any,
    common: dict[str, Any],
) -> list[keras.layers.Layer]:
    """The layers of the path: convolutions, and pooling if there is any."""
    inner = filters // bottleneck if bottleneck else filters
    steps = [(f"conv_{i}", inner, kernel_size) for i in range(1, depth + 1)]
    if bottleneck:
        steps = [("reduce", inner, 1), *steps, ("restore", filters, 1)]
    conv = {**conv, "order": PRE_ACTIVATION if order == "pre" else STEPS}
    layers: list[keras.layers.Layer] = [
        ConvBlock(
            count,
            size,
            strides=strides if i == 0 and not pooling else 1,
            activation=None if order == "post" and i == len(steps) - 1 else activation,
            name=name,
            **conv,
            **common,
        )
        for i, (name, count, size) in enumerate(steps)
    ]
    if pooling:
        layers.append(Pooling(pooling, strides, name="pooling", **common))
    return layers


def _block_options(owner: str, keywords: dict[str, Any]) -> set[str]:
    kind = one_of(owner, "convolution", keywords.get("convolution", "standard"), KINDS)
    return {"convolution", *convolution_options(kind)}


def _check_pooling(owner: str, pooling: str | None, strides: Any) -> None:
    one_of(owner, "pooling", pooling, (None, *POOLINGS))
    if pooling and all(number == 1 for number in keras.tree.flatten(strides)):
        raise ValueError(
            f"{owner}: 'strides' must be above 1 with pooling={pooling!r}, "
            f"got {strides!r}"
        )


def _check_bottleneck(owner: str, bottleneck: int | None, filters: int) -> None:
    if bottleneck is not None and (
        not is_positive_int(bottleneck) or filters % bottleneck
    ):
        raise ValueError(
            f"{owner}: 'bottleneck' must be None or a positive int that divides the "
            f"{filters} filters, got {bottleneck!r}"
        )
