"""`LabelledLoss`: what the losses of labels and embeddings share."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.batch import check_embeddings, first_of_label, others, same_label
from kerasblocks.core.config import ConfigFromSignature


class LabelledLoss(ConfigFromSignature, keras.losses.Loss):
    """A loss of a batch as a whole, from its labels and embeddings.

    A subclass gives in `anchor_losses` a value for each sample as the anchor of its
    comparisons. Where the paper takes the mean over something else than the samples,
    the values are scaled so that their mean over the batch is that mean. So
    `sample_weight` weighs anchors, and `reduction=None` shows which of them cost.

    Embeddings of a narrower dtype are compared in float32.
    """

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        y_true, y_pred = ops.convert_to_tensor(y_true), ops.convert_to_tensor(y_pred)
        check_embeddings(type(self).__name__, y_true, y_pred)
        # Keras makes floats of labels, and large ones equal. Positions are small.
        return super().__call__(first_of_label(y_true), y_pred, sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        same = same_label(y_true)
        positive = ops.logical_and(same, others(y_true))
        wide = keras.backend.result_type(y_pred.dtype, "float32")
        embeddings = ops.cast(y_pred, wide)
        return self.anchor_losses(embeddings, positive, ops.logical_not(same))

    def anchor_losses(self, embeddings: Any, positive: Any, negative: Any) -> Any:
        """The loss of each sample as an anchor.

        Args:
            embeddings: `(batch, features)`.
            positive: Which other samples have the anchor's label, `(batch, batch)`.
            negative: Which samples have another label, `(batch, batch)`.

        Returns:
            `(batch,)`.
        """
        raise NotImplementedError

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}


def mean_over(counted: Any, losses: Any) -> Any:
    """Values whose mean over the batch is the mean of all that is counted.

    Args:
        counted: How many comparisons each anchor's loss is the sum of, `(batch,)`.
        losses: The sums, `(batch,)`.

    Example:
        >>> values = mean_over(ops.array([3, 1]), ops.array([6.0, 2.0]))
        >>> ops.convert_to_numpy(values).tolist()
        [3.0, 1.0]
    """
    mean = ops.mean(ops.cast(counted, losses.dtype))
    return losses / ops.where(mean > 0, mean, ops.ones_like(mean))
