"""`Triplet`: a sample nearer to those of its label than to any other, by a margin."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import one_of, positive_number
from kerasblocks.distances import DISTANCES, pairwise
from kerasblocks.losses.labelled import LabelledLoss, mean_over

INFINITY = float("inf")


def all_triplets(distances: Any, positive: Any, negative: Any, margin: float) -> Any:
    """The mean over all triplets that cost something."""
    triplet = ops.logical_and(positive[:, :, None], negative[:, None, :])
    losses = _hinge(distances[:, :, None], distances[:, None, :], margin, triplet)
    return mean_over(ops.sum(losses > 0, axis=(1, 2)), ops.sum(losses, axis=(1, 2)))


def hard_triplets(distances: Any, positive: Any, negative: Any, margin: float) -> Any:
    """The mean over the anchors: the farthest positive and the nearest negative."""
    farthest = ops.max(ops.where(positive, distances, -INFINITY), axis=1)
    nearest = ops.min(ops.where(negative, distances, INFINITY), axis=1)
    anchor = ops.logical_and(ops.any(positive, axis=1), ops.any(negative, axis=1))
    return mean_over(anchor, _hinge(farthest, nearest, margin, anchor))


def semi_hard_triplets(
    distances: Any, positive: Any, negative: Any, margin: float
) -> Any:
    """The mean over the positive pairs: the nearest negative beyond the positive.

    Where there is none, it is the farthest negative.
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
    # The infinities of what is not there must not come to the difference.
    to_negative = ops.where(where, to_negative, 0.0)
    to_positive = ops.where(where, to_positive, -margin)
    return ops.relu(to_positive - to_negative + margin)


MINING = {
    "semi-hard": semi_hard_triplets,
    "hard": hard_triplets,
    "all": all_triplets,
}


@keras.saving.register_keras_serializable(package="kerasblocks")
class Triplet(LabelledLoss):
    """What a positive is farther than a negative from an anchor, less a margin.

    It is `max(0, d(anchor, positive) - d(anchor, negative) + margin)`: the positive
    has the anchor's label, the negative another. The triplets are found in the batch,
    which should have several samples of each label (`kerasblocks.data.ClassBatches`);
    a batch without any costs 0.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`, as they are: normalize them in the
    model if you want to.
    The loss has one value for each anchor, scaled so that their mean over the batch
    is the mean named below.

    Args:
        mining: "semi-hard" takes for each positive pair the nearest negative that is
            farther than the positive, or else the farthest one, and the mean over the
            pairs. "hard" takes for each anchor the farthest positive and the nearest
            negative, and the mean over the anchors that have both. "all" takes all,
            and the mean over those that cost something. All but "hard" compare
            `batch**3` triplets.
        margin: How much farther a negative should be.
        distance: "euclidean", "squared_euclidean", or "cosine" (1 less the cosine).
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
