"""Every private name of Keras that this package uses, and nothing else.

Keras has no public way to ask these questions. `tests/core/test_keras.py` holds each
name to what is expected of it, so that a version of Keras that changes one is noticed.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras

Functional: Any = type(keras.Model.__new__(keras.Model, None, None))
"""The class of `keras.Model(inputs, outputs)`, which Keras does not export."""

PATCHED = (
    (keras.layers.Layer, "_open_name_scope"),  # entered before a layer is built
    (keras.layers.Layer, "_clear_losses"),
    (keras.optimizers.Optimizer, "_var_key"),
)
"""The private methods that `kerasblocks.core.without_values` wraps."""


def sublayers(layer: Any) -> list[Any]:
    """The layers that a layer or an operation holds, not those inside them."""
    return list(getattr(layer, "_layers", ()))


def walk_layers(layer: Any) -> Iterator[Any]:
    """A layer, the layers inside it, those inside these and so on."""
    return iter(getattr(layer, "_flatten_layers", list)())


def mask_of(tensor: Any) -> Any:
    """The Keras mask that travels on a tensor, None where there is none."""
    return getattr(tensor, "_keras_mask", None)


def made_by(tensor: keras.KerasTensor) -> tuple[Any, list[Any]]:
    """The operation that made a symbolic tensor, and the tensors that it read."""
    operation, node, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def nodes(operation: Any) -> tuple[list[Any], list[Any]]:
    """The nodes that calls have left on an operation: inbound, outbound."""
    return operation._inbound_nodes, operation._outbound_nodes


def has_value(variable: Any) -> bool:
    """Whether a variable has its value already, or will get it later."""
    return variable._value is not None
