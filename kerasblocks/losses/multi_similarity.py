"""`MultiSimilarity`: weighs each pair by the other pairs of its anchor."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_number
from kerasblocks.distances import similarities
from kerasblocks.losses.embedding_loss import EmbeddingLoss

INFINITY = float("inf")
_NEVER = -1e30  # a finite exponent for terms that are not in the sum


@keras.saving.register_keras_serializable(package="kerasblocks")
class MultiSimilarity(EmbeddingLoss):
    """Pulls far positives and pushes near negatives, the worst ones most.

    Only pairs in the wrong order count: a positive whose cosine `s` to the anchor is
    less than `epsilon` above that of the nearest negative, and a negative whose cosine
    is less than `epsilon` below that of the farthest positive. The loss is the sum of
    `log(1 + sum(exp(-alpha * (s - base)))) / alpha` over the positives and
    `log(1 + sum(exp(beta * (s - base)))) / beta` over the negatives.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`, of any length.
    The loss has one value for each anchor: 0 if it has no positive or no negative.

    Args:
        alpha: How much more the worst positives weigh than the others.
        beta: How much more the worst negatives weigh than the others.
        base: The cosine that separates similar from dissimilar samples.
        epsilon: The margin by which pairs in the right order still count.
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
    """`log(1 + sum(exp(exponents)))` over the chosen exponents of each row."""
    total = ops.logsumexp(ops.where(where, exponents, _NEVER), axis=1)
    return ops.softplus(total)
