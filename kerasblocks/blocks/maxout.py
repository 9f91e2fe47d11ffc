"""`Maxout`: the maximum over groups of channels."""

from __future__ import annotations

import functools
from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_int
from kerasblocks.core.axes import channel_axis, channels, resolve_data_format
from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class Maxout(Block):
    """The maximum over groups of `pieces` neighbouring channels.

    It is a layer, and can be the activation of any block. Keras' own layers assume that
    an activation keeps the number of channels, so put Maxout after them and not in
    their `activation=`.

    Input shape: `(batch, ..., channels)`, or `(batch, channels, ...)` with
    channels_first. The number of channels must be a multiple of `pieces`.
    Output shape: the same with `channels // pieces` channels.

    Args:
        pieces: The number of channels in each group.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: `pieces` is not a positive int, or does not divide the number of
            channels.

    Example:
        >>> x = keras.ops.convert_to_tensor([[1.0, 5.0, 3.0, 2.0]])
        >>> keras.ops.convert_to_numpy(Maxout(2)(x)).tolist()
        [[5.0, 3.0]]

    Reference: Goodfellow et al., Maxout Networks, ICML 2013.
    """

    def __init__(self, pieces: int, *, data_format: str | None = None, **kwargs: Any):
        super().__init__(**kwargs)
        self.pieces = positive_int(self._owner, "pieces", pieces)
        self.data_format = resolve_data_format(self._owner, data_format)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        count = channels(self._owner, self.data_format, input_shape)
        if count % self.pieces:
            raise ValueError(
                f"{self._owner}: 'pieces' must divide the {count} channels of the "
                f"input, got {self.pieces}"
            )
        shape = list(input_shape)
        shape[channel_axis(self.data_format, shape)] = count // self.pieces
        return tuple(shape)

    def call(self, inputs: Any) -> Any:
        shape = list(self.compute_output_shape(inputs.shape))
        axis = channel_axis(self.data_format, shape) % len(shape)
        if shape.count(None) < 2:
            shape[axis + 1 : axis + 1] = [self.pieces]
            groups = [-1 if size is None else size for size in shape]
            return ops.max(ops.reshape(inputs, groups), axis=axis + 1)
        # A reshape can have only one unknown size. Slices need no sizes.
        pieces = [
            inputs[(slice(None),) * axis + (slice(piece, None, self.pieces),)]
            for piece in range(self.pieces)
        ]
        return functools.reduce(ops.maximum, pieces)
