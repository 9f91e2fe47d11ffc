"""`Pooling`: maximum or average pooling, in 1D, 2D and 3D."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.arguments import one_of, sizes
from kerasblocks.core.axes import layer_class, resolve_data_format, spatial_rank
from kerasblocks.core.composite import Composite, Run

POOLINGS = {"max": "MaxPooling{}D", "average": "AveragePooling{}D"}


@keras.saving.register_keras_serializable(package="kerasblocks")
class Pooling(Composite):
    """Keras' pooling layer for the rank of its input.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first.
    Output shape: the same with each spatial size divided by its stride.

    Args:
        kind: "max" or "average".
        pool_size: A positive int, or a tuple with one for each spatial axis.
        strides: The same, or None for strides equal to `pool_size`.
        padding: "same" or "valid".
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> Pooling("max", 2).compute_output_shape((None, 33, 33, 3))
        (None, 17, 17, 3)
    """

    def __init__(
        self,
        kind: str,
        pool_size: Any,
        strides: Any = None,
        *,
        padding: str = "same",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if strides is not None:
            sizes(self._owner, "strides", strides)
        self._keep(
            kind=one_of(self._owner, "kind", kind, tuple(POOLINGS)),
            pool_size=sizes(self._owner, "pool_size", pool_size),
            strides=strides,
            padding=one_of(self._owner, "padding", padding, ("same", "valid")),
            data_format=resolve_data_format(self._owner, data_format),
        )

    def wire(self, run: Run, inputs: Any) -> Any:
        pooling = self.child("pooling", self._make_pooling, inputs.shape)
        return run(pooling, inputs)

    def _make_pooling(self, shape: Any) -> keras.layers.Layer:
        rank = spatial_rank(self._owner, shape)
        strides = self.pool_size if self.strides is None else self.strides
        return layer_class(POOLINGS[self.kind], rank)(
            sizes(self._owner, "pool_size", self.pool_size, rank),
            strides=sizes(self._owner, "strides", strides, rank),
            padding=self.padding,
            data_format=self.data_format,
            name="pooling",
            dtype=self.dtype_policy,
        )
