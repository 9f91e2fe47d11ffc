"""Replaces the values of inputs that a sample lacks.

A flag `present`, of shape `(batch,)` or `(batch, 1)`, says for each sample whether it
has an input.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops, tree

from kerasblocks.core.block import Block


def as_flag(present: Any, rank: int) -> Any:
    """Returns a flag as booleans of the shape `(batch, 1, ..., 1)` with `rank` axes."""
    return ops.reshape(ops.cast(present, "bool"), (-1,) + (1,) * (rank - 1))


def any_flag(presents: Sequence[Any], rank: int) -> Any:
    """Whether any of the flags is set, in the same shape."""
    first, *others = (as_flag(present, rank) for present in presents)
    for other in others:
        first = ops.logical_or(first, other)
    return first


def where_present(flag: Any, x: Any, fill: float) -> Any:
    """Returns `x`, with `fill` where it is absent. NaN there reaches no gradient."""
    return ops.where(flag, x, ops.full_like(x, fill))


@keras.saving.register_keras_serializable(package="kerasblocks")
class WherePresent(Block):
    """Replaces samples for which no flag is set by `fill`.

    A mask is true for these samples, because a mean over no steps would be NaN.

    Input shape: a pair of a tensor, or a structure of tensors, and a list of one or
        more flags.
    Output shape: the shape of the tensor or structure.

    Args:
        fill: A number.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> x, present = keras.ops.array([[1.0], [2.0]]), keras.ops.array([1, 0])
        >>> keras.ops.convert_to_numpy(WherePresent(7)((x, [present]))).tolist()
        [[1.0], [7.0]]
    """

    def __init__(self, fill: float, **kwargs: Any):
        super().__init__(**kwargs)
        self.fill = fill

    def compute_output_spec(self, inputs: Any) -> Any:
        return tree.map_structure(
            lambda x: keras.KerasTensor(x.shape, x.dtype), inputs[0]
        )

    def call(self, inputs: Any) -> Any:
        structure, presents = inputs
        return tree.map_structure(
            lambda x: where_present(any_flag(presents, len(x.shape)), x, self.fill),
            structure,
        )

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if previous_mask is None:
            return None

        def filled(mask: Any) -> Any:
            if mask is None:
                return None
            absent = ops.logical_not(any_flag(inputs[1], len(mask.shape)))
            return ops.logical_or(mask, absent)

        return tree.map_structure(filled, previous_mask[0])


@keras.saving.register_keras_serializable(package="kerasblocks")
class FillAbsent(Block):
    """Replaces absent tensors by `fill`, and masks their steps.

    Input shape: a pair of a list of tensors and a list of flags, one for each optional
        tensor.
    Output shape: the list of tensors.

    Args:
        fill: A number.
        optional: The positions of the optional tensors.
        **kwargs: `name`, `dtype`, `trainable` of the layer.
    """

    def __init__(self, fill: float, optional: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.fill = fill
        self.optional = tuple(optional)

    def compute_output_spec(self, inputs: Any) -> list[keras.KerasTensor]:
        return [keras.KerasTensor(x.shape, x.dtype) for x in inputs[0]]

    def call(self, inputs: Any) -> Any:
        tensors, presents = list(inputs[0]), inputs[1]
        for place, present in zip(self.optional, presents, strict=True):
            x = tensors[place]
            tensors[place] = where_present(as_flag(present, len(x.shape)), x, self.fill)
        return tensors

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        masks = list((previous_mask or [[]])[0])
        known = [mask for mask in masks if mask is not None]
        if not known:
            return None
        rank = len(known[0].shape)
        for place, present in zip(self.optional, inputs[1], strict=True):
            x, mask = inputs[0][place], masks[place]
            if mask is None:
                kept = (slice(None),) * rank + (0,) * (len(x.shape) - rank)
                mask = ops.ones_like(x[kept], dtype="bool")
            masks[place] = ops.logical_and(mask, as_flag(present, rank))
        return masks


@keras.saving.register_keras_serializable(package="kerasblocks")
class DivideByPresent(Block):
    """Divides a sum by the number of its terms that are present, or by 1 for none.

    Input shape: a pair of a tensor and a list of flags, one for each optional term.
    Output shape: the shape of the tensor.

    Args:
        required: The number of terms that are always present.
        **kwargs: `name`, `dtype`, `trainable` of the layer.
    """

    def __init__(self, required: int, **kwargs: Any):
        super().__init__(**kwargs)
        self.required = int(required)

    def compute_output_spec(self, inputs: Any) -> keras.KerasTensor:
        return keras.KerasTensor(inputs[0].shape, inputs[0].dtype)

    def call(self, inputs: Any) -> Any:
        total, presents = inputs
        flags = [as_flag(present, len(total.shape)) for present in presents]
        count = sum(ops.cast(flag, total.dtype) for flag in flags) + self.required
        return total / ops.maximum(count, ops.ones_like(count))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return None if previous_mask is None else previous_mask[0]
