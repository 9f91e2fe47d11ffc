"""One matrix product for several heads, each initialized like its own Dense layer."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import keras
from keras import ops

from kerasblocks.core.block import Block


class _ByColumns(keras.initializers.Initializer):
    """Glorot's uniform distribution for each group of columns separately.

    For one wide kernel, Glorot's rule would use the fan-out of all groups together.
    """

    def __init__(self, widths: Sequence[int]):
        self.widths = widths

    def __call__(self, shape: Any, dtype: Any = None) -> Any:
        glorot = keras.initializers.GlorotUniform
        columns = [glorot()((*shape[:-1], n), dtype=dtype) for n in self.widths]
        return ops.concatenate(columns, axis=-1)


@contextlib.contextmanager
def start_apart(
    dense: keras.layers.Dense | None, widths: Sequence[int]
) -> Iterator[None]:
    """Where `dense` is built with columns that start as separate Dense layers do.

    Afterwards its config names Keras' own initializer again, so that an expanded model
    loads without this package.
    """
    if dense is None:
        yield
        return
    initializer = dense.kernel_initializer
    dense.kernel_initializer = _ByColumns(widths)
    try:
        yield
    finally:
        dense.kernel_initializer = initializer


@keras.saving.register_keras_serializable(package="kerasblocks")
class SplitFeatures(Block):
    """Splits the last axis into parts of given widths.

    Input shape: `(batch, ..., sum of the widths)`.
    Output shape: a list of `(batch, ..., width)`.

    Args:
        widths: A list of ints.
        **kwargs: `name`, `dtype`, `trainable` of the layer.
    """

    def __init__(self, widths: Sequence[int], **kwargs: Any):
        super().__init__(**kwargs)
        self.widths = list(widths)

    def compute_output_spec(self, inputs: Any) -> list[keras.KerasTensor]:
        return [
            keras.KerasTensor((*inputs.shape[:-1], width), inputs.dtype)
            for width in self.widths
        ]

    def call(self, inputs: Any) -> Any:
        ends = [sum(self.widths[: i + 1]) for i in range(len(self.widths) - 1)]
        return ops.split(inputs, ends, axis=-1)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        return [previous_mask] * len(self.widths)
