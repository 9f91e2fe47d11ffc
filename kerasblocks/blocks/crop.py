"""`Crop`: removes entries at both ends of the spatial axes, in 1D, 2D and 3D."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.core.axes import (
    resolve_data_format,
    spatial_sizes,
    with_spatial_sizes,
)
from kerasblocks.core.block import Block


@keras.saving.register_keras_serializable(package="kerasblocks")
class Crop(Block):
    """Removes entries at the start and the end of each spatial axis.

    Keras' own Cropping1D does not support channels_first.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first.
    Output shape: the same with smaller spatial sizes.

    Args:
        cropping: A pair `(before, after)` of ints for each spatial axis.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> Crop([(0, 1), (1, 1)]).compute_output_shape((None, 8, 8, 3))
        (None, 7, 6, 3)
    """

    def __init__(
        self,
        cropping: Sequence[Sequence[int]],
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        self.cropping = tuple((int(before), int(after)) for before, after in cropping)
        self.data_format = resolve_data_format(self._owner, data_format)

    def compute_output_shape(self, input_shape: Any) -> tuple:
        sizes = spatial_sizes(self.data_format, input_shape)
        return with_spatial_sizes(
            self.data_format,
            input_shape,
            [
                None if size is None else max(0, size - sum(crop))
                for size, crop in zip(sizes, self.cropping, strict=True)
            ],
        )

    def call(self, inputs: Any) -> Any:
        cuts = [slice(before, -after or None) for before, after in self.cropping]
        lead = 2 if self.data_format == "channels_first" else 1
        return inputs[(slice(None),) * lead + tuple(cuts)]

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        if previous_mask is None or len(self.cropping) != 1:
            return None
        ((before, after),) = self.cropping
        return previous_mask[:, before : -after or None]
