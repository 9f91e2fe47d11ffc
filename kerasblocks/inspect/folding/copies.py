"""`Copies`: the new layers of one run of `kerasblocks.fold`."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from kerasblocks.inspect.folding import linear


class Copies:
    """Makes layers after others, and the same one when asked again.

    A pair of layers that is used twice so becomes one layer that is used twice.
    """

    def __init__(self) -> None:
        self._made: dict[Any, tuple[Any, Any]] = {}  # the layer beside its copy: alive

    def __iter__(self) -> Any:
        return (copy for _, copy in self._made.values())

    def weighted(self, layer: Any, shape: Any, weights: dict[str, np.ndarray]) -> Any:
        """One like `layer` with other weights, built for the shape of its input."""
        key = hashlib.sha256()
        for name, value in weights.items():
            key.update(name.encode() + value.tobytes())
        return self._copy(layer, key.digest(), shape, weights)

    def padded(self, layer: Any, shape: Any) -> Any:
        """One like `layer` that pads its input itself."""
        return self._copy(layer, "same", shape, linear.weights(layer), padding="same")

    def _copy(self, layer: Any, key: Any, *args: Any, **changes: Any) -> Any:
        key = id(layer), key
        if key not in self._made:
            self._made[key] = layer, linear.copy(layer, *args, **changes)
        return self._made[key][1]
