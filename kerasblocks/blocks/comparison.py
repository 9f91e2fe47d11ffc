"""`Comparison`: how two encodings differ or agree, along their last axis."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks import distances
from kerasblocks.core.arguments import one_of
from kerasblocks.core.block import Block
from kerasblocks.distances import unit


def absolute_difference(a: Any, b: Any) -> Any:
    """`|a - b|`, element by element."""
    return ops.abs(a - b)


def squared_difference(a: Any, b: Any) -> Any:
    """`(a - b) ** 2`, element by element."""
    return ops.square(a - b)


def dot(a: Any, b: Any) -> Any:
    """The inner product along the last axis, which keeps size 1."""
    return ops.sum(a * b, axis=-1, keepdims=True)


def cosine(a: Any, b: Any) -> Any:
    """The cosine of the angle between `a` and `b`; 0 where one of them is zero."""
    return dot(unit(a), unit(b))


def euclidean(a: Any, b: Any) -> Any:
    """The Euclidean distance, whose gradient is 0 where `a` equals `b`."""
    return ops.expand_dims(distances.euclidean(a, b), -1)


ELEMENTWISE = {
    "absolute_difference": absolute_difference,
    "squared_difference": squared_difference,
}
SCALAR = {"dot": dot, "cosine": cosine, "euclidean": euclidean}
COMPARISONS = {**ELEMENTWISE, **SCALAR}


@keras.saving.register_keras_serializable(package="kerasblocks")
class Comparison(Block):
    """Compares two tensors of the same shape along their last axis.

    Sums of squares and products are computed in float32 where the layer's compute
    dtype is narrower, so that they do not overflow.

    Input shape: two of `(batch, ..., features)`.
    Output shape: the same for "absolute_difference" and "squared_difference", and
    `(batch, ..., 1)` for "dot", "cosine" and "euclidean".

    Args:
        kind: One of the names above.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `kind` is none of these.

    Example:
        >>> a, b = keras.ops.zeros((1, 2)), keras.ops.convert_to_tensor([[3.0, 4.0]])
        >>> keras.ops.convert_to_numpy(Comparison("euclidean")([a, b])).tolist()
        [[5.0]]
    """

    def __init__(self, kind: str, **kwargs: Any):
        super().__init__(**kwargs)
        self.kind = one_of(self._owner, "kind", kind, tuple(COMPARISONS))

    def compute_output_shape(self, input_shape: Any) -> tuple:
        first = tuple(input_shape[0])
        return first if self.kind in ELEMENTWISE else (*first[:-1], 1)

    def call(self, inputs: Any) -> Any:
        a, b = (ops.cast(x, "float32") for x in inputs)
        return ops.cast(COMPARISONS[self.kind](a, b), self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A step of the output is valid where it is in both inputs."""
        masks = [mask for mask in previous_mask or [] if mask is not None]
        if not masks:
            return None
        return masks[0] if len(masks) == 1 else ops.logical_and(*masks)
