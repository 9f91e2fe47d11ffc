"""`Ordered`: numbers that increase along the last axis."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class Ordered(Block):
    """Makes numbers increase along the last axis: each is a positive step.

    The first stays; each of the others becomes the softplus of itself, added to what
    is before it.

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
