"""`LabelledMetric`: what the metrics of labels and embeddings share."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.batch import check_embeddings, others, same_label
from kerasblocks.core.arguments import one_of
from kerasblocks.core.config import ConfigFromSignature
from kerasblocks.distances import DISTANCES, pairwise


class LabelledMetric(ConfigFromSignature, keras.metrics.Mean):
    """A mean over samples that are each compared with the others of their batch.

    A subclass gives in `scores` a value for each sample, and whether it counts: where
    its batch leaves nothing to ask, it does not. Without any that counts the metric
    is NaN.
    """

    def __init__(self, distance: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.distance = one_of(
            type(self).__name__, "distance", distance, tuple(DISTANCES)
        )

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        labels, embeddings = map(ops.convert_to_tensor, (y_true, y_pred))
        check_embeddings(type(self).__name__, labels, embeddings)
        embeddings = ops.cast(
            embeddings, keras.backend.result_type(embeddings.dtype, "float32")
        )
        same = same_label(labels)
        positive = ops.logical_and(same, others(labels))
        distances = pairwise(self.distance, embeddings)
        scores, counts = self.scores(distances, positive, ops.logical_not(same))
        weights = ops.cast(counts, scores.dtype)
        if sample_weight is not None:
            given = ops.reshape(ops.cast(sample_weight, scores.dtype), (-1,))
            weights = weights * given
        super().update_state(scores, sample_weight=weights)

    def scores(self, distances: Any, positive: Any, negative: Any) -> tuple[Any, Any]:
        """The score of each sample and whether it counts, each `(batch,)`.

        Args:
            distances: Those of all pairs, `(batch, batch)`.
            positive: Which other samples have the same label, `(batch, batch)`.
            negative: Which samples have another label, `(batch, batch)`.
        """
        raise NotImplementedError

    def result(self) -> Any:
        return ops.where(self.count > 0, super().result(), float("nan"))
