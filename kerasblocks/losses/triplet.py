"""`Triplet`: samples should be nearer to their own label than to others."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import one_of, positive_number
from kerasblocks.distances import DISTANCES, pairwise
from kerasblocks.losses.embedding_loss import EmbeddingLoss, mean_over

INFINITY = float("inf")


def all_triplets(distances: Any, positive: Any, negative: Any, margin: float) -> Any:
    """The mean over all triplets with a positive loss."""
    triplet = ops.logical_and(positive[:, :, None], negative[:, None, :])
    losses = _hinge(distances[:, :, None], distances[:, None, :], margin, triplet)
    return mean_over(ops.sum(losses > 0, axis=(1, 2)), ops.sum(losses, axis=(1, 2)))


def hard_triplets(distances: Any, positive: Any, negative: Any, margin: float) -> Any:
    """The mean over the anchors, with the farthest positive and nearest negative."""
    farthest = ops.max(ops.where(positive, distances, -INFINITY), axis=1)
    nearest = ops.min(ops.where(negative, distances, INFINITY), axis=1)
    anchor = ops.logical_and(ops.any(positive, axis=1), ops.any(negative, axis=1))
    return mean_over(anchor, _hinge(farthest, nearest, margin, anchor))


def semi_hard_triplets(
    distances: Any, positive: Any, negative: Any, margin: float
) -> Any:
    """The mean over the positive pairs, with the nearest negative beyond the positive.

    If no negative is beyond the positive, the farthest negative is taken.
    """
    to_positive, to_negative = distances[:, :, None], distances[:, None, :]
    beyond = ops.logical_and(negative[:, None, :], to_negative > to_positive)
    nearest = ops.min(ops.where(beyond, to_negative, INFINITY), axis=2)
    farthest = ops.max(ops.where(negative, distances, -INFINITY), axis=1)
    chosen = ops.where(ops.any(beyond, axis=2), nearest, farthest[:, None])
    pair = ops.logical_and(positive, ops.any(negative, axis=1)[:, None])
    losses = _hinge(distances, chosen, margin, pair)
    return mean_over(ops.sum(pair, axis=1), ops.sum(losses, axis=1))


def _hinge(to_positive: Any, to_negative: Any, margin: float, where: Any) -> Any:
    # Missing samples are at infinity, which must not enter the difference.
    to_negative = ops.where(where, to_negative, 0.0)
    to_positive = ops.where(where, to_positive, -margin)
    return ops.relu(to_positive - to_negative + margin)


MINING = {
    "semi-hard": semi_hard_triplets,
    "hard": hard_triplets,
    "all": all_triplets,
}


@keras.saving.register_keras_serializable(package="kerasblocks")
class Triplet(EmbeddingLoss):
    """The triplet loss, with triplets that are chosen within the batch.

    It is `max(0, d(anchor, positive) - d(anchor, negative) + margin)`, where the
    positive has the label of the anchor and the negative has a different one. A batch
    should have several samples of each label: see `kerasblocks.data.ClassBatches`. The
    loss of a batch without triplets is 0.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`. They are not normalized here.
    The loss has one value for each anchor, scaled so that their mean over the batch
    is the mean named below.

    Args:
        mining: "semi-hard" takes, for each positive pair, the nearest negative that is
            farther away than the positive, or else the farthest negative; the loss is
            the mean over the pairs. "hard" takes, for each anchor, the farthest
            positive and the nearest negative; the loss is the mean over the anchors
            that have both. "all" takes all triplets; the loss is the mean over those
            with a positive loss. All but "hard" compare `batch**3` triplets.
        margin: How much farther away a negative should be than a positive.
        distance: "euclidean", "squared_euclidean", or "cosine" (1 minus the cosine).
        **kwargs: `name`, `reduction`, `dtype` of the loss.

    Raises:
        ValueError: an argument is not one of the above, or a shape does not fit.

    Example:
        >>> labels, embeddings = [1, 1, 2], [[0.0], [1.0], [3.0]]
        >>> float(Triplet("hard", margin=2.0)(labels, embeddings))
        0.5

    References:
        Schroff, Kalenichenko and Philbin, FaceNet, CVPR 2015 (semi-hard).
        Hermans, Beyer and Leibe, In Defense of the Triplet Loss for Person
        Re-Identification, arXiv 1703.07737, 2017 (hard and all).
    """

    def __init__(
        self,
        mining: str = "semi-hard",
        margin: float = 1.0,
        distance: str = "euclidean",
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.mining = one_of("Triplet", "mining", mining, tuple(MINING))
        self.margin = positive_number("Triplet", "margin", margin)
        self.distance = one_of("Triplet", "distance", distance, tuple(DISTANCES))

    def anchor_losses(self, embeddings: Any, positive: Any, negative: Any) -> Any:
        distances = pairwise(self.distance, embeddings)
        return MINING[self.mining](distances, positive, negative, self.margin)
