"""Stacks tensors into one batch, and splits a batch into tensors."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_int
from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class StackBatches(Block):
    """Concatenates tensors and their masks along the batch axis.

    Input shape: a list of tensors `(batch, ...)` that differ only in the batch size.
    Output shape: `(sum of the batch sizes, ...)`.

    Args:
        **kwargs: `name`, `dtype`, `trainable` of the layer.
    """

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        batches = [x.shape[0] for x in inputs]
        batch = None if None in batches else sum(batches)
        return keras.KerasTensor((batch, *inputs[0].shape[1:]), inputs[0].dtype)

    def call(self, inputs: Any) -> Any:
        return ops.concatenate(inputs, axis=0)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = list(previous_mask or [])
        known = [mask for mask in masks if mask is not None]
        if not known:
            return None
        return ops.concatenate(
            [
                ops.ones((ops.shape(x)[0], *ops.shape(known[0])[1:]), dtype="bool")
                if mask is None
                else mask
                for x, mask in zip(inputs, masks, strict=True)
            ],
            axis=0,
        )


@keras.saving.register_keras_serializable(package="kerasblocks")
class SplitBatches(Block):
    """Splits a tensor and its mask into equal parts along the batch axis.

    Input shape: `(batch, ...)`.
    Output shape: a list of `parts` tensors `(batch // parts, ...)`.

    Args:
        parts: The number of parts. It must divide the batch size.
        **kwargs: `name`, `dtype`, `trainable` of the layer.
    """

    def __init__(self, parts: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.parts = positive_int(self._owner, "parts", parts)

    def compute_output_spec(self, inputs: Any) -> list[keras.KerasTensor]:
        batch, *rest = inputs.shape
        batch = None if batch is None else batch // self.parts
        return [
            keras.KerasTensor((batch, *rest), inputs.dtype) for _ in range(self.parts)
        ]

    def call(self, inputs: Any) -> Any:
        return ops.split(inputs, self.parts, axis=0)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if previous_mask is None:
            return None
        return ops.split(previous_mask, self.parts, axis=0)
