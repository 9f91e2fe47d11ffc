"""Every private name of Keras that this package uses, and nothing else.

Keras has no public names for these. `tests/core/test_keras.py` checks that each one
still behaves as we expect, so a version of Keras that changes one fails a test.
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
    """The direct sublayers of a layer or an operation."""
    return list(getattr(layer, "_layers", ()))


def walk_layers(layer: Any) -> Iterator[Any]:
    """A layer and all layers inside it, at any depth."""
    return iter(getattr(layer, "_flatten_layers", list)())


def mask_of(tensor: Any) -> Any:
    """The Keras mask on a tensor, or None."""
    return getattr(tensor, "_keras_mask", None)


def made_by(tensor: keras.KerasTensor) -> tuple[Any, list[Any]]:
    """The operation that made a symbolic tensor, and the inputs of that operation."""
    operation, node, _ = tensor._keras_history
    return operation, operation._inbound_nodes[node].input_tensors


def nodes(operation: Any) -> tuple[list[Any], list[Any]]:
    """The inbound and the outbound nodes of an operation."""
    return operation._inbound_nodes, operation._outbound_nodes


def custom_objects() -> dict[str, Any]:
    """The custom objects that are in scope in this thread."""
    with keras.saving.custom_object_scope({}) as scope:
        return dict(scope.backup)


def has_value(variable: Any) -> bool:
    """Whether a variable has a value. A deferred variable has none yet."""
    return variable._value is not None
