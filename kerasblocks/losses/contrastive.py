"""`Contrastive`: pulls pairs of one class together and pushes others apart."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_number
from kerasblocks.core.config import ConfigFromSignature


@keras.saving.register_keras_serializable(package="kerasblocks")
class Contrastive(ConfigFromSignature, keras.losses.Loss):
    """The contrastive loss of pairs, from their distance and whether they are the same.

    For a distance `d` it is `d**2 / 2` where the label is 1 (the same class), and
    `max(0, margin - d)**2 / 2` where it is 0, as in the paper. Some libraries omit the
    factor of one half. Use it with `SiameseEncoder(encoder, merge="euclidean")`.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the distances: `(batch, 1)` or `(batch,)`.
    The loss has one value for each pair.

    Args:
        margin: The distance from which pairs of different classes cost nothing.
        **kwargs: `name`, `reduction`, `dtype` of the loss.

    Raises:
        ValueError: `margin` is not a positive number, or the distances have another
            shape.

    Example:
        >>> same, distances = ops.array([1, 0, 0]), ops.array([[0.5], [0.5], [2.0]])
        >>> losses = Contrastive(margin=1.0, reduction=None)(same, distances)
        >>> ops.convert_to_numpy(losses).tolist()
        [0.125, 0.125, 0.0]

    Reference: Hadsell, Chopra and LeCun, Dimensionality Reduction by Learning an
    Invariant Mapping, CVPR 2006.
    """

    def __init__(self, margin: float = 1.0, **kwargs: Any):
        super().__init__(**kwargs)
        self.margin = positive_number("Contrastive", "margin", margin)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        if y_pred.shape[1:] not in ((), (1,)):
            raise ValueError(
                "Contrastive: the distances must have shape (batch,) or (batch, 1), "
                f"got {tuple(y_pred.shape)}"
            )
        same, distances = ops.reshape(y_true, (-1,)), ops.reshape(y_pred, (-1,))
        lacking = ops.maximum(self.margin - distances, 0.0)
        return (same * ops.square(distances) + (1 - same) * ops.square(lacking)) / 2

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}
