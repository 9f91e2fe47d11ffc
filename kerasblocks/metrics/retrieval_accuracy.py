"""`RetrievalAccuracy`: is a sample of the same label among the nearest ones."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_int
from kerasblocks.metrics.labelled import LabelledMetric


@keras.saving.register_keras_serializable(package="kerasblocks")
class RetrievalAccuracy(LabelledMetric):
    """How often one of the `k` nearest others in the batch has the same label.

    Samples at the same distance count against it: an encoder that gives the same
    embedding for all has 0. A sample counts where it can be right and can be wrong:
    its batch has another of its label, and `k` or more of other labels. Without any
    such sample the metric is NaN.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`.

    Args:
        k: How many of the nearest are looked at.
        distance: "euclidean", "squared_euclidean", or "cosine" (1 less the cosine).
        name: The name of the metric.
        dtype: Its dtype.

    Raises:
        ValueError: an argument is not one of the above, or a shape does not fit.

    Example:
        >>> metric = RetrievalAccuracy()
        >>> float(metric([1, 1, 2, 2], [[0.0], [1.0], [3.0], [9.0]]))
        0.75
    """

    def __init__(
        self,
        k: int = 1,
        distance: str = "euclidean",
        name: str = "retrieval_accuracy",
        dtype: Any = None,
    ):
        super().__init__(distance, name=name, dtype=dtype)
        self.k = positive_int("RetrievalAccuracy", "k", k)

    def scores(self, distances: Any, positive: Any, negative: Any) -> tuple[Any, Any]:
        found = ops.where(positive, distances, float("inf"))
        nearest = ops.min(found, axis=1, keepdims=True)
        # Ties included.
        before = ops.logical_and(negative, distances <= nearest)
        rank = ops.sum(ops.cast(before, "int32"), axis=1)
        enough = ops.sum(ops.cast(negative, "int32"), axis=1) >= self.k
        counts = ops.logical_and(ops.any(positive, axis=1), enough)
        return ops.cast(rank < self.k, distances.dtype), counts
