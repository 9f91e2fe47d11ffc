"""What the layers of a model do while it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import keras

from kerasblocks.core._keras import walk_layers


def all_sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers inside a layer or model, and those inside them."""
    return list(walk_layers(layer))[1:]


@contextlib.contextmanager
def watching(
    model: keras.Model, tell: Callable[[keras.layers.Layer, Any], None]
) -> Iterator[None]:
    """Calls `tell(layer, outputs)` after each call of a layer inside a model.

    Example:
        >>> model = keras.Sequential([keras.layers.ReLU(name="a")])
        >>> with watching(model, lambda layer, outputs: print(layer.name)):
        ...     _ = model(keras.ops.ones((1, 2)))
        a
    """
    layers = all_sublayers(model)
    own = [vars(layer).get("call") for layer in layers]  # None: that of the class
    try:
        for layer in layers:
            layer.call = _told(layer, layer.call, tell)
        yield
    finally:
        for layer, call in zip(layers, own, strict=True):
            vars(layer).pop("call", None)
            if call is not None:
                layer.call = call


def _told(
    layer: keras.layers.Layer,
    call: Callable[..., Any],
    tell: Callable[[keras.layers.Layer, Any], None],
) -> Callable[..., Any]:
    def watched(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        tell(layer, outputs)
        return outputs

    return watched
