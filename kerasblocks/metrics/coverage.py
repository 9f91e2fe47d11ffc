"""`Coverage`: how often a label is in the predicted range."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def coverage(y_true: Any, y_pred: Any) -> Any:
    """1 where a label is between the first and the last prediction, else 0.

    Args:
        y_true: Labels, `(batch, ..., 1)`.
        y_pred: Increasing predictions, `(batch, ..., quantiles)`.

    Returns:
        Zeros and ones, `(batch, ...)`.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    if len(y_true.shape) == len(y_pred.shape):
        y_true = ops.squeeze(y_true, -1)
    inside = ops.logical_and(y_pred[..., 0] <= y_true, y_true <= y_pred[..., -1])
    return ops.cast(inside, y_pred.dtype)


@keras.saving.register_keras_serializable(package="kerasblocks")
class Coverage(keras.metrics.MeanMetricWrapper):
    """The share of labels between the first and the last predicted quantile.

    For the quantiles 0.05 and 0.95 it should be near 0.9.

    Args:
        name: The name of the metric.
        dtype: Its dtype.

    Example:
        >>> float(Coverage()([[1.0], [9.0]], [[0.0, 2.0], [0.0, 2.0]]))
        0.5
    """

    def __init__(self, name: str = "coverage", dtype: Any = None):
        super().__init__(coverage, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}
