"""`LevelError`: the distance of predicted ordered levels from the label."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def level_error(y_true: Any, y_pred: Any) -> Any:
    """The number of levels between the predicted median and the label.

    Args:
        y_true: Levels as integers, `(batch, ...)`.
        y_pred: The probabilities of the levels, `(batch, ..., levels)`.

    Returns:
        Whole numbers, `(batch, ...)`.
    """
    y_pred = ops.convert_to_tensor(y_pred)
    y_true = ops.cast(y_true, y_pred.dtype)
    if len(y_true.shape) == len(y_pred.shape):
        y_true = ops.squeeze(y_true, -1)
    # The median has the smallest expected error.
    below = ops.cumsum(y_pred, axis=-1)[..., :-1] < 0.5
    return ops.abs(ops.sum(ops.cast(below, y_pred.dtype), axis=-1) - y_true)


@keras.saving.register_keras_serializable(package="kerasblocks")
class LevelError(keras.metrics.MeanMetricWrapper):
    """The mean number of levels between the predicted median and the label.

    Args:
        name: The name of the metric.
        dtype: Its dtype.

    Example:
        >>> float(LevelError()([2, 0], [[0.1, 0.6, 0.3], [0.8, 0.1, 0.1]]))
        0.5
    """

    def __init__(self, name: str = "level_error", dtype: Any = None):
        super().__init__(level_error, name=name, dtype=dtype)

    def get_config(self) -> dict[str, Any]:
        return {"name": self.name, "dtype": self.dtype}
