"""Tensors without values."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops, tree


def is_symbolic(x: Any) -> bool:
    """Whether it is a tensor without values."""
    return isinstance(x, keras.KerasTensor)


def as_specs(structure: Any) -> Any:
    """The same with symbolic tensors in place of tensors and variables."""
    return tree.map_structure(as_spec, structure)


def as_spec(x: Any) -> Any:
    """A tensor or variable without its values; anything else as it is."""
    if is_symbolic(x) or not (ops.is_tensor(x) or isinstance(x, keras.Variable)):
        return x
    return keras.KerasTensor(x.shape, keras.backend.standardize_dtype(x.dtype))
