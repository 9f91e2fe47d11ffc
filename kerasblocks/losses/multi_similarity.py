"""`MultiSimilarity`: weighs pairs by how they compare with the others of an anchor."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_number
from kerasblocks.distances import similarities
from kerasblocks.losses.labelled import LabelledLoss

INFINITY = float("inf")
_NEVER = -1e30  # An exponent that is finite, for what is not in the sum.


@keras.saving.register_keras_serializable(package="kerasblocks")
class MultiSimilarity(LabelledLoss):
    """Pulls far positives and pushes near negatives, the worst ones most.

    Of an anchor's cosines `s` to the others those are taken that break the order: a
    positive less than `epsilon` above the nearest negative, a negative less than
    `epsilon` below the farthest positive. The loss is `log(1 + sum(exp(-alpha *
    (s - base)))) / alpha` of the positives and `log(1 + sum(exp(beta * (s -
    base)))) / beta` of the negatives.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`, of any length.
    The loss has one value for each anchor: 0 where it lacks positives or negatives.

    Args:
        alpha: How much the worst positives weigh more.
        beta: How much the worst negatives weigh more.
        base: The cosine that parts similar from dissimilar.
        epsilon: The margin within which a pair is taken.
        **kwargs: `name`, `reduction`, `dtype` of the loss.

    Raises:
        ValueError: an argument is not a positive number, or a shape does not fit.

    Example:
        >>> labels, embeddings = [1, 1, 2], [[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]
        >>> float(MultiSimilarity()(labels, embeddings))
        0.0

    Reference: Wang et al., Multi-Similarity Loss with General Pair Weighting for Deep
    Metric Learning, CVPR 2019.
    """

    def __init__(
        self,
        alpha: float = 2.0,
        beta: float = 50.0,
        base: float = 0.5,
        epsilon: float = 0.1,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.alpha = positive_number("MultiSimilarity", "alpha", alpha)
        self.beta = positive_number("MultiSimilarity", "beta", beta)
        self.base = positive_number("MultiSimilarity", "base", base)
        self.epsilon = positive_number("MultiSimilarity", "epsilon", epsilon)

    def anchor_losses(self, embeddings: Any, positive: Any, negative: Any) -> Any:
        cosines = similarities(embeddings)
        farthest = ops.min(
            ops.where(positive, cosines, INFINITY), axis=1, keepdims=True
        )
        nearest = ops.max(
            ops.where(negative, cosines, -INFINITY), axis=1, keepdims=True
        )
        pulled = ops.logical_and(positive, cosines - self.epsilon < nearest)
        pushed = ops.logical_and(negative, cosines + self.epsilon > farthest)
        return _soft_count(pulled, -self.alpha * (cosines - self.base)) / self.alpha + (
            _soft_count(pushed, self.beta * (cosines - self.base)) / self.beta
        )


def _soft_count(where: Any, exponents: Any) -> Any:
    """`log(1 + sum(exp(exponents)))` over the chosen ones of each row."""
    total = ops.logsumexp(ops.where(where, exponents, _NEVER), axis=1)
    return ops.softplus(total)
