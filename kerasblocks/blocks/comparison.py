"""`Comparison`: compares two tensors along their channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks import distances
from kerasblocks.core.arguments import one_of
from kerasblocks.core.block import Block


def absolute_difference(a: Any, b: Any) -> Any:
    """`|a - b|`, element by element."""
    return ops.abs(a - b)


def squared_difference(a: Any, b: Any) -> Any:
    """`(a - b) ** 2`, element by element."""
    return ops.square(a - b)


def dot(a: Any, b: Any) -> Any:
    """The inner product along the last axis. The axis stays, with size 1."""
    return ops.sum(a * b, axis=-1, keepdims=True)


def cosine_similarity(a: Any, b: Any) -> Any:
    """The cosine of the angle between `a` and `b`, or 0 if one of them is zero."""
    return dot(distances.unit(a), distances.unit(b))


def euclidean(a: Any, b: Any) -> Any:
    """The Euclidean distance, whose gradient is 0 where `a` equals `b`."""
    return ops.expand_dims(distances.euclidean(a, b), -1)


ELEMENTWISE = {
    "absolute_difference": absolute_difference,
    "squared_difference": squared_difference,
}
SCALAR = {
    "dot": dot,
    "cosine_similarity": cosine_similarity,
    "euclidean": euclidean,
}
COMPARISONS = {**ELEMENTWISE, **SCALAR}


@keras.saving.register_keras_serializable(package="kerasblocks")
class Comparison(Block):
    """Compares two tensors of the same shape along one axis.

    The computation uses float32 if the layer's compute dtype is narrower, so that sums
    of squares do not overflow.

    Input shape: a list of two tensors of the same shape. Sizes of 1 are broadcast.
    Output shape: the same for "absolute_difference" and "squared_difference". For
        "dot", "cosine_similarity" and "euclidean" the axis has size 1.

    Args:
        kind: One of the five names above.
        axis: The axis along which to compare.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `kind` is not one of the names.

    Example:
        >>> a, b = keras.ops.zeros((1, 2)), keras.ops.convert_to_tensor([[3.0, 4.0]])
        >>> keras.ops.convert_to_numpy(Comparison("euclidean")([a, b])).tolist()
        [[5.0]]
    """

    def __init__(self, kind: str, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.kind = one_of(self._owner, "kind", kind, tuple(COMPARISONS))
        self.axis = int(axis)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = [
            None if None in sizes else max(sizes)
            for sizes in zip(*input_shape, strict=True)
        ]
        if self.kind in SCALAR:
            shape[self.axis] = 1
        return tuple(shape)

    def call(self, inputs: Any) -> Any:
        exact = keras.backend.result_type(self.compute_dtype, "float32")
        a, b = (ops.moveaxis(ops.cast(x, exact), self.axis, -1) for x in inputs)
        outputs = ops.moveaxis(COMPARISONS[self.kind](a, b), -1, self.axis)
        return ops.cast(outputs, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A step of the output is valid if it is valid in both inputs."""
        masks = [mask for mask in previous_mask or [] if mask is not None]
        if not masks:
            return None
        return masks[0] if len(masks) == 1 else ops.logical_and(*masks)
