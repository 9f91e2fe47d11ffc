"""The outputs of the layers of a model while it runs."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import ops, tree

from kerasblocks.core._keras import sublayers, walk_layers
from kerasblocks.gradients import undisturbed

Tell = Callable[[keras.layers.Layer, Any], None]
"""Takes a layer that has run, and its outputs."""


@contextlib.contextmanager
def observing(model: keras.Model, tell: Tell) -> Iterator[None]:
    """Calls `tell(layer, outputs)` after each call of a layer inside a model.

    Example:
        >>> model = keras.Sequential([keras.layers.ReLU(name="a")])
        >>> with observing(model, lambda layer, outputs: print(layer.name)):
        ...     _ = model(keras.ops.ones((1, 2)))
        a
    """
    layers = list(walk_layers(model))[1:]
    own = [vars(layer).get("call") for layer in layers]  # None: that of the class
    try:
        for layer in layers:
            layer.call = _observed(layer, layer.call, tell)
        yield
    finally:
        for layer, call in zip(layers, own, strict=True):
            vars(layer).pop("call", None)
            if call is not None:
                layer.call = call


def _observed(
    layer: keras.layers.Layer, call: Callable[..., Any], tell: Tell
) -> Callable[..., Any]:
    def observed(*args: Any, **kwargs: Any) -> Any:
        outputs = call(*args, **kwargs)
        tell(layer, outputs)
        return outputs

    return observed


def first_not_finite(model: keras.Model, inputs: Any) -> str:
    """Says where the first NaN or infinity is in a training run on `inputs`.

    Returns:
        The inputs, or the first layer with such an output, in words; or "".
    """
    if not _is_finite(inputs):
        return "'x'"
    found: list[keras.layers.Layer] = []
    training = "training" in inspect.signature(model.call).parameters

    def check(layer: keras.layers.Layer, outputs: Any) -> None:
        if not found and not _is_finite(outputs):
            found.append(layer)

    with undisturbed(model), observing(model, check):
        model(inputs, **({"training": True} if training else {}))
    return f"the output of {_path(model, found[0])!r}" if found else ""


def _is_finite(arrays: Any) -> bool:
    floats = [
        array
        for array in tree.flatten(arrays)
        if array is not None
        and getattr(array.dtype, "kind", "f") not in "OSTU"  # NumPy's strings
        and keras.backend.is_float_dtype(keras.backend.standardize_dtype(array.dtype))
    ]
    return all(bool(ops.all(ops.isfinite(array))) for array in floats)


def _path(layer: keras.layers.Layer, wanted: keras.layers.Layer) -> str:
    """The names of the layers that lead from `layer` to a layer inside it."""
    for inner in sublayers(layer):
        if inner is wanted:
            return inner.name
        below = _path(inner, wanted)
        if below:
            return f"{inner.name}/{below}"
    return ""
