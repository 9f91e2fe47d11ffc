"""`InceptionBlock`: parallel branches of convolutions and pooling."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.convolution import shared_options
from kerasblocks.blocks.normalization import check_normalization
from kerasblocks.blocks.parallel import Parallel
from kerasblocks.blocks.steps import copy_steps, make_branch, refuse_beside
from kerasblocks.core.activations import check_activation
from kerasblocks.core.arguments import is_positive_int, sizes, split_keywords


@keras.saving.register_keras_serializable(package="kerasblocks")
class InceptionBlock(Parallel):
    """Runs branches of convolutions and pooling on one input, and concatenates them.

    The default is the module of Deep Learning with Python, with four branches: (a) 1x1;
    (b) 1x1, then 3x3; (c) 3x3 average pooling, then 3x3; (d) 1x1, then 3x3, then 3x3.
    `branches` describes any other module as data.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same with the filters of all branches added up, and each spatial
    size divided by its stride, rounded up.

    Args:
        filters: The number of filters of each convolution, or a list of four, one
            for each branch. Must be left out with `branches`.
        strides: A positive int, or a tuple with one for each spatial axis. Must be left
            out with `branches`, because the steps have their own strides.
        branches: A list of branches instead of the default ones. A branch is a list
            of steps. A step is `(filters, kernel_size)` or `("max" or "average",
            pool_size)`, either with strides and padding after them, a dict of
            `ConvBlock` arguments, a list of branches (a fork) or a Keras layer.
        normalization: As for `ConvBlock`. The book uses None.
        activation: As for `ConvBlock`.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `use_bias` and the initializers, regularizers and constraints of all
            convolutions (the dict of a step can override them), and `name`, `dtype`,
            `trainable` of the block.

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
        normalization: Any = "batch",
        activation: Any = "relu",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        owner = type(self).__name__
        if branches is None:
            steps = _book(_four(owner, filters), sizes(owner, "strides", strides))
        else:
            refuse_beside(InceptionBlock, "branches", filters=filters, strides=strides)
            steps = branches if isinstance(branches, list | tuple) else [branches]
        options, keywords = split_keywords(
            owner, kwargs, shared_options(), self.argument_names()
        )
        common = {"data_format": data_format, "dtype": keywords.get("dtype")}
        convolution = {
            "normalization": check_normalization(owner, normalization),
            "activation": check_activation(owner, "activation", activation),
            **options,
        }
        super().__init__(
            [
                make_branch(
                    owner, "branches", branch, common=common, convolution=convolution
                )
                for branch in steps
            ],
            data_format=data_format,
            **keywords,
        )
        self._keep(
            filters=filters,
            strides=strides,
            _branches=copy_steps(branches),
            normalization=normalization,
            activation=activation,
        )

    @property
    def branches(self) -> Any:
        """The branches as data, or None for the default ones."""
        return self._branches


def _book(filters: list[int], strides: Any) -> list[list[tuple]]:
    """The book's branches. The last convolution, or in (c) the pooling, is strided."""
    a, b, c, d = filters
    return [
        [(a, 1, strides)],
        [(b, 1), (b, 3, strides)],
        [("average", 3, strides), (c, 3)],
        [(d, 1), (d, 3), (d, 3, strides)],
    ]


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
        f"{owner}: 'filters' must be a positive int or a list of 4 ints, one for "
        f"each branch, got {filters!r}"
    )
