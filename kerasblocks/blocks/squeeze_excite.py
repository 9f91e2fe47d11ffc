"""`SqueezeExcite`: weights each channel by a gate computed from the whole input."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.core.activations import check_activation
from kerasblocks.core.arguments import positive_int
from kerasblocks.core.axes import (
    channels,
    layer_class,
    resolve_data_format,
    spatial_rank,
)
from kerasblocks.core.composite import Composite, Run

DEFAULT_RATIO = 16


@keras.saving.register_keras_serializable(package="kerasblocks")
class SqueezeExcite(Composite):
    """Multiplies each channel by a gate computed from the means of all channels.

    Input shape: `(batch, spatial..., channels)`, or `(batch, channels, spatial...)`
    with channels_first; spatial sizes may be None.
    Output shape: the same.

    Args:
        ratio: The first of the two Dense layers has `channels // ratio` units, at least
            1. None means 16, unless `units` is given.
        units: The number of units of the first Dense layer, instead of a ratio.
        activation: The activation of the first Dense layer.
        gate: The activation of the second Dense layer.
        data_format: "channels_last", "channels_first" or None for Keras' setting.
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Raises:
        ValueError: an argument is not one of the above.

    Example:
        >>> block = SqueezeExcite(ratio=4)
        >>> block.build((None, None, None, 32))
        >>> [tuple(weight.shape) for weight in block.weights]
        [(32, 8), (8,), (8, 32), (32,)]

    Reference: Hu, Shen and Sun, Squeeze-and-Excitation Networks, CVPR 2018.
    """

    def __init__(
        self,
        ratio: int | None = None,
        *,
        units: int | None = None,
        activation: Any = "relu",
        gate: Any = "sigmoid",
        data_format: str | None = None,
        **kwargs: Any,
    ):
        super().__init__(**kwargs)
        if ratio is not None and units is not None:
            raise ValueError(
                f"{self._owner}: 'ratio' must be left out with 'units', got {ratio!r} "
                f"and {units!r}"
            )
        for argument, value in (("ratio", ratio), ("units", units)):
            if value is not None:
                positive_int(self._owner, argument, value)
        self.ratio = ratio
        self.units = units
        self._keep(
            activation=check_activation(self._owner, "activation", activation),
            gate=check_activation(self._owner, "gate", gate),
        )
        self.data_format = resolve_data_format(self._owner, data_format)
        self.multiply = keras.layers.Multiply(name="multiply", dtype=self.dtype_policy)

    def wire(self, run: Run, inputs: Any) -> Any:
        gates = inputs
        for layer in self.child("gate_layers", self._make_gate, inputs.shape):
            gates = run(layer, gates)
        return run(self.multiply, [inputs, gates])

    def _make_gate(self, shape: Any) -> list[keras.layers.Layer]:
        rank = spatial_rank(self._owner, shape)
        count = channels(self._owner, self.data_format, shape)
        units = self.units or max(1, count // (self.ratio or DEFAULT_RATIO))
        first, ones = self.data_format == "channels_first", (1,) * rank
        return [
            layer_class("GlobalAveragePooling{}D", rank)(
                data_format=self.data_format, name="squeeze", dtype=self.dtype_policy
            ),
            keras.layers.Dense(
                units, self.activation, name="reduce", dtype=self.dtype_policy
            ),
            keras.layers.Dense(
                count, self.gate, name="excite", dtype=self.dtype_policy
            ),
            keras.layers.Reshape(
                (count, *ones) if first else (*ones, count),
                name="reshape",
                dtype=self.dtype_policy,
            ),
        ]
