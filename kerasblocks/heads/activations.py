"""The activations of some tasks: `ContinuationRatio` and `Ordered`."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class ContinuationRatio(Block):
    """The probability of each level, from the chances of going beyond each one.

    The sigmoid of logit `j` is `p_j`, the chance of going beyond level `j` once it is
    reached. Level `k` then has the probability `p_0 ... p_(k-1) (1 - p_k)`. Its
    negative logarithm is the sum of the binary cross-entropies of these steps.

    Input shape: `(batch, ..., levels - 1)`.
    Output shape: `(batch, ..., levels)`, each row a distribution.

    Args:
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> levels = ContinuationRatio()(keras.ops.zeros((1, 2)))
        >>> keras.ops.convert_to_numpy(levels).tolist()
        [[0.5, 0.25, 0.25]]

    Reference: Fienberg, The Analysis of Cross-Classified Categorical Data, 1980.
    """

    def compute_output_shape(self, input_shape: Any) -> tuple:
        *rest, steps = input_shape
        return (*rest, None if steps is None else steps + 1)

    def call(self, inputs: Any) -> Any:
        # Sums of logarithms: long products would underflow.
        goes_on = -ops.softplus(-inputs)
        stops = -ops.softplus(inputs)
        reached = ops.cumsum(goes_on, axis=-1)
        zeros = ops.zeros_like(inputs[..., :1])
        return ops.exp(
            ops.concatenate([zeros, reached], axis=-1)
            + ops.concatenate([stops, zeros], axis=-1)
        )


@keras.saving.register_keras_serializable(package="kerasblocks")
class Ordered(Block):
    """Makes numbers increase along the last axis.

    The first number stays. Each later one is the number before it plus a positive
    step, the softplus of its input.

    Input shape: `(batch, ..., units)`.
    Output shape: the same.

    Args:
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> increasing = Ordered()(ops.convert_to_tensor([[3.0, -40.0, 9.0]]))
        >>> ops.convert_to_numpy(increasing).round().tolist()
        [[3.0, 3.0, 12.0]]

    Reference: Gasthaus et al., Probabilistic Forecasting with Spline Quantile Function
    RNNs, AISTATS 2019, for quantiles that cannot cross.
    """

    def compute_output_shape(self, input_shape: Any) -> tuple:
        return tuple(input_shape)

    def call(self, inputs: Any) -> Any:
        first, steps = inputs[..., :1], ops.softplus(inputs[..., 1:])
        return ops.cumsum(ops.concatenate([first, steps], axis=-1), axis=-1)
