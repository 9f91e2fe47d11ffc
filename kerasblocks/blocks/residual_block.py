"""`ResidualBlock`: convolutions with a residual connection around them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.blocks.conv_block import check_order
from kerasblocks.blocks.convolution import shared_options
from kerasblocks.blocks.normalization import check_normalization
from kerasblocks.blocks.projection import make_conv_projection
from kerasblocks.blocks.residual import Residual
from kerasblocks.blocks.size_law import SizeLaw
from kerasblocks.blocks.steps import copy_steps, end_linear, make_branch, refuse_beside
from kerasblocks.core.activations import check_activation, make_activation
from kerasblocks.core.arguments import (
    is_positive_int,
    positive_int,
    sizes,
    split_keywords,
)
from kerasblocks.core.composite import Run

RESIDUAL_ORDERS = ("post", "pre", "book")
OF_THE_KERNEL = ("dilation_rate", "groups")
"""Options that apply to the convolutions of `kernel_size`, not to the 1x1 ones."""


@keras.saving.register_keras_serializable(package="kerasblocks")
class ResidualBlock(Residual):
    """Adds a branch of convolutions to its input.

    The default is the basic block of ResNet. With `bottleneck` it is ResNet's
    bottleneck block. `branch` describes any other block as data.

    If the channels or the sizes change, the input goes through a linear 1x1 projection,
    as in `Residual`. The projection has the block's normalization, except in order
    "pre".

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same with `filters` channels, and each spatial size divided by
    its stride, rounded up; with `branch`, the output shape of the branch.

    Args:
        filters: The number of output channels. With `branch`, this argument and those
            up to `bottleneck` must be left out.
        kernel_size: A positive int, or a tuple with one for each spatial axis.
        strides: The same, for the first convolution.
        depth: The number of convolutions of `kernel_size`.
        bottleneck: A number that divides `filters`. The convolutions have `filters //
            bottleneck` channels, and stand between a 1x1 convolution that reduces the
            channels and another that restores them.
        branch: A list of steps. A step is `(filters, kernel_size)` or `("max" or
            "average", pool_size)`, either with strides and padding after them, a dict
            of `ConvBlock` arguments, a list of branches (a fork) or a Keras layer.
        order: "post": the last activation comes after the sum (He et al. 2015). The
            last convolution then has no activation, unless the dict of its step has
            one, or a layer other than a pooling or `SqueezeExcite` follows it. "pre":
            normalization and activation come before each convolution (He et al. 2016).
            "book": each convolution has an activation, and the sum has none. A tuple
            orders the three parts of each convolution, as for `ConvBlock`; the tuple of
            "post" or "pre" means the same as the name.
        normalization: As for `ConvBlock`. The book uses None.
        activation: As for `ConvBlock`.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `use_bias` and the initializers, regularizers and constraints of all
            convolutions, `groups` and `dilation_rate` of the convolutions of
            `kernel_size`, and `name`, `dtype`, `trainable` of the block.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> block = ResidualBlock(128, strides=2)
        >>> block.compute_output_shape((None, 33, 33, 64))
        (None, 17, 17, 128)
        >>> grouped = {"filters": 128, "kernel_size": 3, "groups": 32}
        >>> resnext = ResidualBlock(branch=[(128, 1), grouped, (256, 1)])
        >>> resnext.compute_output_shape((None, 56, 56, 64))
        (None, 56, 56, 256)

    Reference: He et al., Deep Residual Learning for Image Recognition, CVPR 2016,
    and Identity Mappings in Deep Residual Networks, ECCV 2016; Chollet, Deep Learning
    with Python, 2017, section 7.1.4, for "book".
    """

    def __init__(
        self,
        filters: int | None = None,
        kernel_size: Any = 3,
        strides: Any = 1,
        *,
        depth: int = 2,
        bottleneck: int | None = None,
        branch: Sequence[Any] | None = None,
        order: Any = "post",
        normalization: Any = "batch",
        activation: Any = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        options, keywords = split_keywords(
            owner,
            kwargs,
            {*shared_options(), *OF_THE_KERNEL},
            self.argument_names(),
        )
        own = {name: options.pop(name) for name in OF_THE_KERNEL if name in options}
        order = check_order(owner, order, RESIDUAL_ORDERS)
        if branch is None:
            steps = residual_steps(
                owner, filters, kernel_size, strides, depth, bottleneck, **own
            )
        else:
            refuse_beside(
                ResidualBlock,
                "branch",
                filters=filters,
                kernel_size=kernel_size,
                strides=strides,
                depth=depth,
                bottleneck=bottleneck,
                **own,
            )
            steps = branch
        if order == "post" and isinstance(steps, list | tuple):
            steps = end_linear(steps)
        common = {"data_format": data_format, "dtype": keywords.get("dtype")}
        convolution = {
            "normalization": check_normalization(owner, normalization),
            "activation": check_activation(owner, "activation", activation),
            "order": "post" if order == "book" else order,
            **options,
        }
        super().__init__(
            make_branch(owner, "branch", steps, common=common, convolution=convolution),
            data_format=data_format,
            **keywords,
        )
        self._keep(
            filters=filters,
            kernel_size=kernel_size,
            strides=strides,
            depth=depth,
            bottleneck=bottleneck,
            _steps=copy_steps(branch),
            order=order,
            normalization=normalization,
            activation=activation,
            options=options,
        )
        self.activation_layer = (
            make_activation(activation, name="activation", dtype=self.dtype_policy)
            if order == "post"
            else None
        )

    @property
    def branch(self) -> Any:
        """The branch as data, or None if the other arguments describe it."""
        return self._steps

    def wire(self, run: Run, inputs: Any) -> Any:
        outputs = super().wire(run, inputs)
        last = self.activation_layer
        return outputs if last is None else run(last, outputs)

    def make_projection(self, filters: int, laws: list[SizeLaw]) -> keras.layers.Layer:
        normalization = None if self.order == "pre" else self.normalization
        return make_conv_projection(
            filters,
            laws,
            self.data_format,
            self.dtype_policy,
            normalization=normalization,
            **self.options,
        )


def residual_steps(
    owner: str,
    filters: Any,
    kernel_size: Any = 3,
    strides: Any = 1,
    depth: Any = 2,
    bottleneck: Any = None,
    **options: Any,
) -> list[dict[str, Any]]:
    """Returns the branch of a `ResidualBlock` as steps.

    Args:
        owner: The class, for error messages.
        filters: As for `ResidualBlock`.
        kernel_size: As for `ResidualBlock`.
        strides: As for `ResidualBlock`.
        depth: As for `ResidualBlock`.
        bottleneck: As for `ResidualBlock`.
        **options: Further arguments of the convolutions of `kernel_size`.

    Raises:
        ValueError: an argument is not legal.
    """
    positive_int(owner, "filters", filters)
    positive_int(owner, "depth", depth)
    sizes(owner, "kernel_size", kernel_size)
    sizes(owner, "strides", strides)
    if bottleneck is not None and (
        not is_positive_int(bottleneck) or filters % bottleneck
    ):
        raise ValueError(
            f"{owner}: 'bottleneck' must be None or a positive int that divides the "
            f"{filters} filters, got {bottleneck!r}"
        )
    inner = filters // bottleneck if bottleneck else filters
    kernel = {"filters": inner, "kernel_size": kernel_size, **options}
    steps = [{**kernel, "name": f"conv_{i}"} for i in range(1, depth + 1)]
    if bottleneck:
        reduce = {"filters": inner, "kernel_size": 1, "name": "reduce"}
        restore = {"filters": filters, "kernel_size": 1, "name": "restore"}
        steps = [reduce, *steps, restore]
    steps[0]["strides"] = strides
    return steps
