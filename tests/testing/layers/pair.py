"""A faulty layer beside its right twin, and the checks of arguments they share."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

register = keras.saving.register_keras_serializable(package="faulty")


@dataclass(frozen=True)
class Pair:
    """Two factories that differ only in one fault."""

    name: str
    law: str
    fault: str
    faulty: Callable[..., keras.layers.Layer]
    right: Callable[..., keras.layers.Layer]
    input_shape: Any
    input_dtype: str = "float32"
    # Both ends included; None is (0, 7).
    input_range: tuple[int, int] | None = None


def pair(
    law: str,
    fault: str,
    faulty: Callable[..., keras.layers.Layer],
    right: Callable[..., keras.layers.Layer],
    input_shape: Any,
    input_dtype: str = "float32",
    input_range: tuple[int, int] | None = None,
    **arguments: Any,
) -> Pair:
    """Make a pair whose factories start from `arguments`."""
    name = faulty.__name__
    if arguments:
        faulty, right = partial(faulty, **arguments), partial(right, **arguments)
    return Pair(name, law, fault, faulty, right, input_shape, input_dtype, input_range)


def count(name: str, value: Any, least: int = 1) -> int:
    """Refuse all but a whole number of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise ValueError(f"{name} must be an integer >= {least}, got {value!r}")
    return value


def number(name: str, value: Any, low: float, high: float) -> float:
    """Refuse all but a number with low <= number < high (NaN is not one)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} must be a number, got {value!r}")
    if not low <= value < high:
        raise ValueError(f"{name} must be in [{low}, {high}), got {value!r}")
    return float(value)


def positive(name: str, value: Any) -> float:
    """Refuse all but a finite number above zero."""
    if number(name, value, 0, float("inf")) == 0:
        raise ValueError(f"{name} must be above 0, got {value!r}")
    return float(value)


def flag(name: str, value: Any) -> bool:
    """Refuse all but True and False."""
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
    return value


def choice(name: str, value: Any, known: tuple[str, ...]) -> str:
    """Refuse all but one of `known`."""
    if value not in known:
        raise ValueError(f"{name} must be one of {known}, got {value!r}")
    return value


def layout(value: str | None) -> str:
    """Give the data format, by default that of Keras."""
    value = keras.config.image_data_format() if value is None else value
    return choice("data_format", value, ("channels_first", "channels_last"))
