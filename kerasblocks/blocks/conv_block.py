"""`ConvBlock`: convolution, normalization and activation, in any order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.blocks.convolution import (
    CONVOLUTIONS,
    convolution_options,
    make_convolution,
)
from kerasblocks.blocks.normalization import check_normalization, make_normalization
from kerasblocks.blocks.padding import check_padding, make_padding, split_padding
from kerasblocks.core.activations import check_activation, make_activation
from kerasblocks.core.arguments import (
    did_you_mean,
    one_of,
    positive_int,
    sizes,
    split_keywords,
)
from kerasblocks.core.axes import (
    channel_axis,
    channels,
    resolve_data_format,
    spatial_rank,
)
from kerasblocks.core.composite import Composite, Run

ORDERS = {
    "post": ("convolution", "normalization", "activation"),
    "pre": ("normalization", "activation", "convolution"),
}
"""The named orders."""


@keras.saving.register_keras_serializable(package="kerasblocks")
class ConvBlock(Composite):
    """A convolution with its normalization and activation.

    The rank of the input decides between 1D, 2D and 3D. The convolution has no bias if
    a normalization comes right after it, unless `use_bias` says otherwise. Without a
    normalization, the convolution itself applies an activation that is not a layer.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same with `filters` channels, and each spatial size divided by
    its stride (rounded up with "same" padding).

    Args:
        filters: The number of output channels. Must be None for a depthwise
            convolution, which has `depth_multiplier` times the channels of its input.
        kernel_size: A positive int, or a tuple with one for each spatial axis.
        strides: The same.
        padding: "same", "valid", "causal" (1D only: a step sees no later steps), or
            the number of zeros on each side: an int, or a tuple with an int or a pair
            `(before, after)` for each spatial axis.
        convolution: "standard", "separable" or "depthwise".
        normalization: "batch", "layer", "group", "rms", "unit", None, or a Keras
            layer such as `BatchNormalization(epsilon=1.001e-5, scale=False)`. The block
            uses a copy of the layer, over the channels.
        activation: The name of a Keras activation, a function, None, or a layer. The
            block uses a copy of the layer.
        order: The order in which the three run: "post" (convolution, normalization,
            activation), "pre" (normalization, activation, convolution), or the three
            names as a tuple.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: Further arguments of the Keras convolution (`use_bias`,
            `dilation_rate`, `groups`, `kernel_initializer`, `kernel_regularizer`,
            `depth_multiplier`, ...), and `name`, `dtype`, `trainable` of the block.

    Raises:
        ValueError: an argument is not one of the above, or does not fit the rank of the
            input.

    Example:
        >>> block = ConvBlock(32, 3, strides=2)
        >>> block.compute_output_shape((None, 33, 33, 3))
        (None, 17, 17, 32)

    Reference: Ioffe and Szegedy 2015 for the order; He et al. 2016 (Identity
    Mappings in Deep Residual Networks) for pre-activation.
    """

    def __init__(
        self,
        filters: int | None,
        kernel_size: Any = 3,
        strides: Any = 1,
        *,
        padding: Any = "same",
        convolution: str = "standard",
        normalization: Any = "batch",
        activation: Any = "relu",
        order: str | Sequence[str] = "post",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        owner = self._owner
        one_of(owner, "convolution", convolution, tuple(CONVOLUTIONS))
        known = convolution_options(convolution)
        options, layer_keywords = split_keywords(
            owner, kwargs, known, self.argument_names()
        )
        super().__init__(**layer_keywords)
        if convolution == "depthwise":
            one_of(owner, "filters", filters, (None,))
        else:
            positive_int(owner, "filters", filters)
        self._keep(
            filters=filters,
            kernel_size=sizes(owner, "kernel_size", kernel_size),
            strides=sizes(owner, "strides", strides),
            padding=check_padding(owner, padding),
            convolution=convolution,
            normalization=check_normalization(owner, normalization),
            activation=check_activation(owner, "activation", activation),
            order=check_order(owner, order, tuple(ORDERS)),
            data_format=resolve_data_format(owner, data_format),
            options=options,
        )

    @property
    def layers(self) -> list[keras.layers.Layer]:
        """The layers in the order in which they run. Empty until the block is built."""
        parts = [getattr(self, f"{part}_layers", ()) for part in self._parts]
        return [layer for layers in parts for layer in layers]

    @property
    def _parts(self) -> tuple[str, ...]:
        """The three parts in the order in which they run."""
        return ORDERS[self.order] if isinstance(self.order, str) else self.order

    def wire(self, run: Run, inputs: Any) -> Any:
        for part in self._parts:
            for layer in self.child(f"{part}_layers", self._make, part, inputs):
                inputs = run(layer, inputs)
        return inputs

    def _make(self, part: str, spec: Any) -> list[keras.layers.Layer]:
        common = {"name": part, "dtype": self.dtype_policy}
        if part == "activation":
            layer = None if self._fuses else make_activation(self.activation, **common)
            return [] if layer is None else [layer]
        count = channels(self._owner, self.data_format, spec.shape)
        if part == "normalization":
            axis = channel_axis(self.data_format, spec.shape)
            layer = make_normalization(
                self._owner, self.normalization, axis=axis, channels=count, **common
            )
            return [] if layer is None else [layer]
        rank = spatial_rank(self._owner, spec.shape)
        kernel_size = sizes(self._owner, "kernel_size", self.kernel_size, rank)
        dilation = self.options.get("dilation_rate", 1)
        pairs, padding = split_padding(
            self._owner,
            self.padding,
            kernel_size,
            sizes(self._owner, "dilation_rate", dilation, rank),
        )
        convolution = make_convolution(
            self.convolution,
            rank,
            filters=self.filters,
            channels=count,
            kernel_size=kernel_size,
            strides=sizes(self._owner, "strides", self.strides, rank),
            padding=padding,
            data_format=self.data_format,
            dtype=self.dtype_policy,
            options={
                "use_bias": self._bias(),
                "activation": self.activation if self._fuses else None,
                **self.options,
            },
        )
        if pairs is None:
            return convolution
        pad = make_padding(pairs, self.data_format, self.dtype_policy)
        return [pad, *convolution]

    @property
    def _fuses(self) -> bool:
        """Whether the convolution itself applies the activation."""
        after = self._parts[self._parts.index("convolution") + 1 :]
        is_layer = isinstance(self.activation, keras.layers.Layer)
        return self.normalization is None and "activation" in after and not is_layer

    def _bias(self) -> bool:
        after = self._parts[self._parts.index("convolution") + 1 :]
        return not (after[:1] == ("normalization",) and self.normalization is not None)


def check_order(owner: str, order: Any, names: Sequence[str]) -> Any:
    """Returns `order` if it is a legal name or a tuple of the three parts."""
    parts = ORDERS["post"]
    if isinstance(order, list | tuple) and sorted(map(str, order)) == sorted(parts):
        by_parts = {parts: name for name, parts in ORDERS.items()}
        return by_parts.get(tuple(order), tuple(order))
    if isinstance(order, str) and order in names:
        return order
    raise ValueError(
        f"{owner}: 'order' must be {', '.join(map(repr, names))}, or a tuple of "
        f"{', '.join(map(repr, parts))} in some order, got {order!r}"
        f"{did_you_mean(order, names)}"
    )
