"""`ContinuationRatio`: the probabilities of levels in order, from logits."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class ContinuationRatio(Block):
    """The probability of each level, from the chances to go on to the next one.

    With `p_j` the sigmoid of logit `j`, the chance to go beyond level `j` for those who
    got there, level `k` has the probability `p_0 ... p_(k-1) (1 - p_k)`. Its negative
    logarithm is the sum of the binary cross-entropies of the steps taken.

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
        # In logarithms, where long products do not underflow.
        goes_on = -ops.softplus(-inputs)
        stops = -ops.softplus(inputs)
        reached = ops.cumsum(goes_on, axis=-1)
        zeros = ops.zeros_like(inputs[..., :1])
        return ops.exp(
            ops.concatenate([zeros, reached], axis=-1)
            + ops.concatenate([stops, zeros], axis=-1)
        )
