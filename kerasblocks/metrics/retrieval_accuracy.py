"""`RetrievalAccuracy`: whether a sample of the same label is among the nearest."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_int
from kerasblocks.metrics.embedding_metric import EmbeddingMetric


@keras.saving.register_keras_serializable(package="kerasblocks")
class RetrievalAccuracy(EmbeddingMetric):
    """How often one of the `k` nearest others in the batch has the same label.

    A tie counts as wrong, so that an encoder that maps all samples to the same
    embedding has an accuracy of 0. A sample counts if its batch has another sample of
    its label and at least `k` samples of other labels. The metric is NaN until a sample
    counts.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`.

    Args:
        k: The number of nearest samples to look at.
        distance: "euclidean", "squared_euclidean", or "cosine" (1 minus the cosine).
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
        before = ops.logical_and(negative, distances <= nearest)  # and ties
        rank = ops.sum(ops.cast(before, "int32"), axis=1)
        enough = ops.sum(ops.cast(negative, "int32"), axis=1) >= self.k
        counts = ops.logical_and(ops.any(positive, axis=1), enough)
        return ops.cast(rank < self.k, distances.dtype), counts
