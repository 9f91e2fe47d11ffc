"""`Contrastive`: pulls equal pairs together, pushes others apart to a margin."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.config import ConfigFromSignature
from kerasblocks.losses.positive import positive_number


@keras.saving.register_keras_serializable(package="kerasblocks")
class Contrastive(ConfigFromSignature, keras.losses.Loss):
    """Half the squared distance of same pairs, and of others what lacks to a margin.

    For a distance `d` it is `d**2 / 2` where the label is 1 (the same), and
    `max(0, margin - d)**2 / 2` where it is 0, as in the paper; some libraries leave
    out the half. It goes with `SiameseEncoder(encoder, merge="euclidean")`.

    Shape of the labels: `(batch,)` or that of the distances.
    Shape of the distances: `(batch, 1)` or `(batch,)`.
    The loss has one value for each pair.

    Args:
        margin: The distance beyond which pairs of two kinds are let be.
        **kwargs: `name`, `reduction`, `dtype` of the loss.

    Raises:
        ValueError: `margin` is not a positive number.

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
        same = ops.reshape(y_true, ops.shape(y_pred))
        lacking = ops.maximum(self.margin - y_pred, 0.0)
        losses = same * ops.square(y_pred) + (1 - same) * ops.square(lacking)
        return (losses if len(losses.shape) == 1 else ops.mean(losses, axis=-1)) / 2

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "dtype": self.dtype}
