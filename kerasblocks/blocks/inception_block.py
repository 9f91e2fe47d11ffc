"""`InceptionBlock`: convolutions of several sizes side by side, concatenated."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.convolution import convolution_options
from kerasblocks.blocks.parallel import Parallel
from kerasblocks.blocks.steps import book_branches, make_branch
from kerasblocks.core.arguments import is_positive_int, sizes, split_keywords
from kerasblocks.core.chain import Chain


@keras.saving.register_keras_serializable(package="kerasblocks")
class InceptionBlock(Parallel):
    """Branches of convolutions and pooling on one input, concatenated.

    By default the four branches of Deep Learning with Python: (a) 1x1; (b) 1x1, then
    3x3; (c) 3x3 average pooling, then 3x3; (d) 1x1, then 3x3, then 3x3. Any other
    module is given as data.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same with the filters of all branches, and each spatial size
    divided by its stride, rounded up.

    Args:
        filters: The number of filters of each convolution, or a list of four, one
            for each branch. None where `branches` are given.
        strides: A positive int, or a tuple with one for each spatial axis. With
            `branches`, each step has its own.
        branches: A list of branches instead of the default ones. A branch is a list
            of steps; a step is `(filters, kernel_size)` or `("max" or "average",
            pool_size)`, either with strides and padding after them, a dict of
            `ConvBlock` arguments, a list of branches (a fork) or a Keras layer.
        normalization: As for `ConvBlock`; none by default, as in the book.
        activation: As for `ConvBlock`.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: What else the convolutions take (`use_bias`, `kernel_initializer`,
            `kernel_regularizer`, ...), in all branches but where a dict says
            otherwise, and `name`, `dtype`, `trainable` of the block.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> block = InceptionBlock([64, 128, 128, 128], strides=2)
        >>> block.compute_output_shape((None, 28, 28, 256))
        (None, 14, 14, 448)
        >>> googlenet = InceptionBlock(branches=[
        ...     [(64, 1)],
        ...     [(96, 1), (128, 3)],
        ...     [(16, 1), (32, 5)],
        ...     [("max", 3), (32, 1)],
        ... ])
        >>> googlenet.compute_output_shape((None, 28, 28, 192))
        (None, 28, 28, 256)

    Reference: Szegedy et al., Going Deeper with Convolutions, CVPR 2015; Chollet,
    Deep Learning with Python, 2017, section 7.1.4.
    """

    def __init__(
        self,
        filters: Any = None,
        *,
        strides: Any = 1,
        branches: Any = None,
        normalization: Any = None,
        activation: Any = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        if branches is None:
            steps = book_branches(
                _four(owner, filters), sizes(owner, "strides", strides)
            )
        else:
            steps = _given(owner, branches, filters=filters, strides=strides)
        known = convolution_options("standard")
        options, keywords = split_keywords(owner, kwargs, known, self.argument_names())
        common = {"data_format": data_format, "dtype": keywords.get("dtype")}
        conv = {"normalization": normalization, "activation": activation, **options}
        super().__init__(
            [
                Chain(
                    make_branch(owner, branch, common, conv),
                    name=f"branch_{position}",
                    dtype=keywords.get("dtype"),
                )
                for position, branch in enumerate(steps, start=1)
            ],
            data_format=data_format,
            **keywords,
        )
        self.filters = filters
        self.strides = strides
        self.options = options
        self._keep_untracked(
            branches=branches, normalization=normalization, activation=activation
        )


def _four(owner: str, filters: Any) -> list[int]:
    if is_positive_int(filters):
        return [filters] * 4
    if (
        isinstance(filters, list | tuple)
        and len(filters) == 4
        and all(is_positive_int(number) for number in filters)
    ):
        return list(filters)
    raise ValueError(
        f"{owner}: 'filters' must be a positive int or a list of 4, one for each "
        f"branch, got {filters!r}"
    )


def _given(owner: str, branches: Any, *, filters: Any, strides: Any) -> Any:
    if not isinstance(branches, list | tuple) or not branches:
        raise ValueError(
            f"{owner}: 'branches' must be a list of at least one branch, got "
            f"{branches!r}"
        )
    own = {"filters": (filters, None), "strides": (strides, 1)}
    for argument, (value, default) in own.items():
        if value != default:
            raise ValueError(
                f"{owner}: '{argument}' must be left at {default} with 'branches', "
                f"whose steps have their own, got {value!r}"
            )
    return branches
