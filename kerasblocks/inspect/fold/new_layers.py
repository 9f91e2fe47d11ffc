"""`NewLayers`: the layers that one run of `fold` makes in place of others."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from kerasblocks.inspect.fold.linear import weights


class NewLayers:
    """Makes layers like others, with other weights or padding.

    A layer that is replaced twice in the same way gets one new layer. So a layer that
    the model shares is shared in the folded model too.
    """

    def __init__(self) -> None:
        # The original is kept beside its copy: while it lives, no other has its id.
        self._made: dict[tuple[int, Any], tuple[Any, Any]] = {}

    def __iter__(self) -> Iterator[Any]:
        return (new for _, new in self._made.values())

    def with_weights(self, layer: Any, shape: Any, new: dict[str, np.ndarray]) -> Any:
        """A layer like `layer` with the weights `new`, built for inputs of `shape`."""
        key = hashlib.sha256()
        for name, value in new.items():
            key.update(name.encode() + value.tobytes())
        return self._make(layer, key.digest(), shape, new)

    def with_padding(self, layer: Any, shape: Any) -> Any:
        """A layer like `layer` with the padding "same"."""
        return self._make(layer, "same", shape, weights(layer), padding="same")

    def _make(self, layer: Any, key: Any, *args: Any, **changes: Any) -> Any:
        key = id(layer), key
        if key not in self._made:
            self._made[key] = layer, _copy(layer, *args, **changes)
        return self._made[key][1]


def _copy(layer: Any, shape: Any, new: dict[str, np.ndarray], **changes: Any) -> Any:
    """A layer like `layer` with other weights and arguments, without regularizers."""
    config = layer.get_config()
    for name in config:
        if name.endswith("_initializer"):
            config[name] = "zeros"  # the fastest one
        elif name.endswith("_regularizer"):
            config[name] = None
    config |= {"dtype": layer.dtype_policy, "use_bias": "bias" in new}
    # An activation may be a function that no config can hold.
    made = type(layer).from_config(config | {"activation": None} | changes)
    made.activation = layer.activation
    made.build(shape)
    for name, value in new.items():
        getattr(made, name).assign(value)
    return made
