"""`EmbeddingLoss`: the base class of losses that compare embeddings in a batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.config import ConfigFromSignature
from kerasblocks.embeddings import check_embeddings, compare, first_of_label


class EmbeddingLoss(ConfigFromSignature, keras.losses.Loss):
    """A loss that compares each sample of a batch with the others, by their labels.

    A subclass implements `anchor_losses`: one value for each sample, as the anchor of
    its comparisons. If the paper takes the mean over something other than the samples,
    the values are scaled so that their mean over the batch is the mean of the paper. So
    `sample_weight` weighs anchors, and `reduction=None` shows the loss of each anchor.

    Embeddings of a narrower dtype are compared in float32.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        check_embeddings(type(self).__name__, y_true, y_pred)
        # Keras casts labels to floats, where large ones can become equal.
        return super().__call__(first_of_label(y_true), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.anchor_losses(*compare(y_true, y_pred))

    def anchor_losses(self, embeddings: Any, positive: Any, negative: Any) -> Any:
        """The loss of each sample as an anchor.

        Args:
            embeddings: `(batch, features)`.
            positive: Which other samples have the same label, `(batch, batch)`.
            negative: Which samples have a different label, `(batch, batch)`.

        Returns:
            `(batch,)`.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}


def mean_over(counted: Any, losses: Any) -> Any:
    """Scales sums so that their mean over the batch is the mean over all comparisons.

    Args:
        counted: The number of comparisons in the sum of each anchor, `(batch,)`.
        losses: The sums, `(batch,)`.

    Example:
        >>> values = mean_over(ops.array([3, 1]), ops.array([6.0, 2.0]))
        >>> ops.convert_to_numpy(values).tolist()
        [3.0, 1.0]
    """
    mean = ops.mean(ops.cast(counted, losses.dtype))
    return losses / ops.where(mean > 0, mean, ops.ones_like(mean))
