"""`EmbeddingMetric`: the base class of metrics that compare embeddings in a batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import one_of
from kerasblocks.core.config import ConfigFromSignature
from kerasblocks.distances import DISTANCES, pairwise
from kerasblocks.embeddings import check_embeddings, compare


class EmbeddingMetric(ConfigFromSignature, keras.metrics.Mean):
    """A mean over samples. Each is compared with the other samples of its batch.

    A subclass implements `scores`: a value for each sample, and whether the sample
    counts. It does not count if its batch lacks the samples to compare it with. The
    metric is NaN until a sample counts.
    """

    def __init__(self, distance: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.distance = one_of(
            type(self).__name__, "distance", distance, tuple(DISTANCES)
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        labels, embeddings = map(ops.convert_to_tensor, (y_true, y_pred))
        check_embeddings(type(self).__name__, labels, embeddings)
        embeddings, positive, negative = compare(labels, embeddings)
        distances = pairwise(self.distance, embeddings)
        scores, counts = self.scores(distances, positive, negative)
        weights = ops.cast(counts, scores.dtype)
        if sample_weight is not None:
            given = ops.reshape(ops.cast(sample_weight, scores.dtype), (-1,))
            weights = weights * given
        super().update_state(scores, sample_weight=weights)

    def scores(self, distances: Any, positive: Any, negative: Any) -> tuple[Any, Any]:
        """The score of each sample and whether the sample counts, each `(batch,)`.

        Args:
            distances: The distances of all pairs, `(batch, batch)`.
            positive: Which other samples have the same label, `(batch, batch)`.
            negative: Which samples have a different label, `(batch, batch)`.
        """
        raise NotImplementedError

    def result(self) -> Any:
        return ops.where(self.count > 0, super().result(), float("nan"))
