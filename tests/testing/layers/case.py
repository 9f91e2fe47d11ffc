"""A right layer with something unusual about it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

register = keras.saving.register_keras_serializable(package="unusual")


@dataclass(frozen=True)
class Unusual:
    """A factory of right layers, and why they might look wrong."""

    name: str
    make: Callable[..., keras.layers.Layer]
    input_shape: Any
    input_dtype: str = "float32"
    # Both ends included; None is (0, 7).
    input_range: tuple[int, int] | None = None
    why: str = ""


def case(
    why: str,
    make: Callable[..., keras.layers.Layer],
    input_shape: Any,
    input_dtype: str = "float32",
    input_range: tuple[int, int] | None = None,
    **arguments: Any,
) -> Unusual:
    """Make a case whose factory starts from `arguments`."""
    name = make.__name__
    if arguments:
        make = partial(make, **arguments)
    return Unusual(name, make, input_shape, input_dtype, input_range, why)
