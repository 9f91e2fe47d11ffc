"""`InnerProduct`: how far two tensors point the same way, along their channels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class InnerProduct(Block):
    """The sum of the products of two tensors along one axis, which keeps size 1.

    It is computed in float32 where the layer's compute dtype is narrower, so that it
    does not overflow on its way.

    Input shape: a list of two tensors of one shape.
    Output shape: the same with size 1 along the axis.

    Args:
        axis: The axis.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> InnerProduct().compute_output_shape([(None, 8), (None, 8)])
        (None, 1)
    """

    def __init__(self, axis: int = -1, **kwargs: Any):
        super().__init__(**kwargs)
        self.axis = int(axis)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        shape = [
            None if None in sizes else max(sizes)  # sizes of 1 are broadcast
            for sizes in zip(*input_shape, strict=True)
        ]
        shape[self.axis] = 1
        return tuple(shape)

    def call(self, inputs: Any) -> Any:
        exact = keras.backend.result_type(self.compute_dtype, "float32")
        a, b = (ops.cast(x, exact) for x in inputs)
        product = ops.sum(a * b, axis=self.axis, keepdims=True)
        return ops.cast(product, self.compute_dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        """A step of the output is valid where it is in both tensors."""
        masks = [mask for mask in previous_mask or [] if mask is not None]
        if not masks:
            return None
        return masks[0] if len(masks) == 1 else ops.logical_and(*masks)
