"""`Pinball`: the loss that is smallest at the quantiles of the labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasblocks.core.config import ConfigFromSignature


def check_quantiles(owner: str, quantiles: Any) -> list[float]:
    """Returns increasing numbers between 0 and 1 as a list, else raises."""
    if isinstance(quantiles, Sequence) and not isinstance(quantiles, str):
        legal = all(isinstance(q, int | float) and 0 < q < 1 for q in quantiles)
        if legal and quantiles and list(quantiles) == sorted(set(quantiles)):
            return [float(q) for q in quantiles]
    raise ValueError(
        f"{owner}: 'quantiles' must be a list of increasing numbers between 0 and 1, "
        f"got {quantiles!r}"
    )


@keras.saving.register_keras_serializable(package="kerasblocks")
class Pinball(ConfigFromSignature, keras.losses.Loss):
    """The mean error of predicted quantiles.

    For the quantile `q`, a prediction that is too low costs `q` times its error, and
    one that is too high costs `1 - q` times its error.

    Shape of the labels: `(batch, ..., 1)`, or `(batch, ...)`.
    Shape of the predictions: `(batch, ..., quantiles)`.

    Args:
        quantiles: The quantiles between 0 and 1, increasing.
        **kwargs: `name`, `reduction`, `dtype` of the loss.

    Raises:
        ValueError: `quantiles` is not a list of increasing numbers between 0 and 1.

    Example:
        >>> loss = Pinball([0.25, 0.75])(ops.array([[1.0]]), ops.array([[0.0, 2.0]]))
        >>> float(loss)
        0.25

    Reference: Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978.
    """

    def __init__(self, quantiles: Sequence[float], **kwargs: Any):
        super().__init__(**kwargs)
        self.quantiles = check_quantiles(type(self).__name__, quantiles)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if len(y_true.shape) < len(y_pred.shape):
            y_true = ops.expand_dims(y_true, -1)
        quantiles = ops.convert_to_tensor(self.quantiles, dtype=y_pred.dtype)
        above = y_true - y_pred
        return ops.mean(ops.maximum(quantiles * above, (quantiles - 1) * above), -1)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}
