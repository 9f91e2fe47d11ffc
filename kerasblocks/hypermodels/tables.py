"""`Tables`: dense layers for rows of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks import spaces
from kerasblocks.blocks.residual import Residual
from kerasblocks.hypermodels.encoder import Encoder

BLOCKS = ("plain", "residual")
_MOST_LAYERS = 3


class Tables(Encoder):
    """Rows of numbers: dense layers, plain or with residual connections.

    What is searched, and can be fixed or narrowed: `block` ("plain" or "residual"),
    `layers`, `units`, `normalization` (None, "batch" or "layer"), `activation`,
    `hidden_dropout`.

    Args:
        shape: `(columns,)`, or how many columns there are.
        moments: The mean and the variance of each column in the training data.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`.

    Raises:
        TypeError: `given` has a name that is not searched.
        ValueError: `shape` does not fit.

    Example:
        >>> import keras_tuner as kt
        >>> table = Tables(13, layers=2, units=spaces.among(32, 64))
        >>> config = table.space(kt.HyperParameters(), "table")
        >>> config["units"], len(table.layers(config))
        (32, 4)
    """

    arguments = (
        *("block", "layers", "units", "normalization", "activation"),
        "hidden_dropout",
    )
    scope = "table"

    def __init__(
        self,
        shape: Sequence[int] | int,
        *,
        moments: tuple[Any, Any] | None = None,
        **given: Any,
    ) -> None:
        super().__init__(shape, moments=moments, **given)
        if self.shape[0] is None:
            raise ValueError(
                f"Tables: 'shape' must say how many columns there are, got {shape!r}"
            )

    def space(self, hp: Any, name: str) -> dict[str, Any]:
        with spaces.Space(hp, "Tables", name, self.given, self.arguments) as space:
            space.choose("block", spaces.among(*BLOCKS), legal=BLOCKS)
            space.choose("layers", spaces.among(2, 1, 3))
            space.choose("units", spaces.among(64, 128, 256))
            space.choose("normalization", spaces.among(None, "batch", "layer"))
            space.choose("activation", spaces.among("relu", "silu"))
            space.choose("hidden_dropout", spaces.among(0.0, 0.1, 0.3))
        return space.arguments

    def layers(self, config: dict[str, Any]) -> list[keras.layers.Layer]:
        made = self._standardize(-1)
        for place in range(1, config["layers"] + 1):
            step = self._step(config)
            if config["block"] == "residual" and place > 1:
                made.append(Residual(step, name=f"residual_{place}"))
            else:
                made += step
        return made

    def _step(self, config: dict[str, Any]) -> list[keras.layers.Layer]:
        kinds = {
            None: list,
            "batch": lambda: [keras.layers.BatchNormalization(momentum=0.9)],
            "layer": lambda: [keras.layers.LayerNormalization()],
        }
        rate = config["hidden_dropout"]
        return [
            keras.layers.Dense(config["units"]),
            *kinds[config["normalization"]](),
            keras.layers.Activation(config["activation"]),
            *([keras.layers.Dropout(rate)] if rate else []),
        ]
