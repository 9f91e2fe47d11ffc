"""What an argument may be: one of several values, or a number of a range."""

from __future__ import annotations

import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import keras


@dataclass(frozen=True)
class Among:
    """One of several values, of any types; see `among`."""

    values: tuple[Any, ...]

    @property
    def labels(self) -> list[Any]:
        """What stands for each value in the search, which knows plain scalars alone."""
        kinds = {type(value) for value in self.values}
        if kinds == {int, float}:
            return [float(value) for value in self.values]
        if len(kinds) == 1 and kinds <= {bool, int, float, str}:
            return list(self.values)
        labels: list[str] = []
        for value in self.values:
            label = _label(value)
            same = sum(label == other.split("#")[0] for other in labels)
            labels.append(f"{label}#{same + 1}" if same else label)
        return labels

    def ask(self, hp: Any, name: str) -> Any:
        """Ask `hp` for one of the values; the first in a scope that is inactive."""
        labels = self.labels
        label = hp.Choice(name, labels)
        return self.values[0 if label is None else labels.index(label)]


@dataclass(frozen=True)
class Between:
    """A number of a range; see `between`."""

    low: float
    high: float
    log: bool = False
    step: float | None = None
    default: float | None = None

    @property
    def is_int(self) -> bool:
        """Whether the numbers are whole."""
        return all(
            isinstance(value, int) for value in (self.low, self.high, self.step or 1)
        )

    @property
    def values(self) -> tuple[Any, ...]:
        """Every number of a range of whole ones."""
        low, high = int(self.low), int(self.high)
        if not (self.log and self.step):
            return tuple(range(low, high + 1, int(self.step or 1)))
        powers = [low]
        while powers[-1] * self.step <= high:
            powers.append(int(powers[-1] * self.step))
        return tuple(powers)

    @property
    def labels(self) -> list[Any]:
        """What stands for each value in the search: itself."""
        return list(self.values)

    def ask(self, hp: Any, name: str) -> Any:
        """Ask `hp` for a number of the range; the first in a scope that is inactive."""
        number = (hp.Int if self.is_int else hp.Float)(
            name,
            self.low,
            self.high,
            step=self.step,
            sampling="log" if self.log else "linear",
            default=self._first(),
        )
        return self._first() if number is None else number

    def _first(self) -> Any:
        """The number that is tried first: what was given, or the middle."""
        if self.default is not None:
            return self.default
        low, high, step = self.low, self.high, self.step
        if self.log:
            if step is None:
                middle = math.sqrt(low * high)
            else:
                middle = low * step ** int(math.log(high / low, step) / 2 + 1e-9)
        elif step is None:
            middle = (low + high) / 2
        else:
            middle = low + step * int((high - low) / step / 2 + 1e-9)
        return int(middle) if self.is_int else middle


Domain = Among | Between


def among(*values: Any) -> Among:
    """Narrow an argument to some values, the first of which is tried first.

    Args:
        *values: The values, of any types: None, tuples, layers too.

    Raises:
        ValueError: There is no value, or one comes twice.

    Example:
        >>> import keras_tuner as kt
        >>> from kerasblocks import spaces
        >>> hp = kt.HyperParameters()
        >>> spaces.conv_block(hp, filters=spaces.among(16, 32), strides=1)["filters"]
        16
        >>> spaces.among("batch", None).labels
        ['batch', 'none']
    """
    plain = tuple(
        value.item()
        if hasattr(value, "item") and not hasattr(value, "build")
        else value
        for value in values
    )
    if not plain:
        raise ValueError("among: give at least one value, got none")
    seen: list[str] = []
    for value in plain:
        text = f"{type(value).__name__} {value!r}"
        if text in seen and not isinstance(value, keras.layers.Layer):
            raise ValueError(f"among: each value must come once, got {value!r} twice")
        seen.append(text)
    return Among(plain)


def between(
    low: float,
    high: float,
    *,
    log: bool = False,
    step: float | None = None,
    default: float | None = None,
) -> Between:
    """Narrow an argument to the numbers of a range, both ends included.

    They are whole where `low`, `high` and `step` are.

    Args:
        low: The least.
        high: The largest.
        log: Whether to sample by order of magnitude.
        step: What numbers are apart, or with `log` the factor between them.
        default: What is tried first; the middle by default.

    Raises:
        ValueError: The range is empty, or is not one of positive numbers with `log`.

    Example:
        >>> import keras_tuner as kt
        >>> from kerasblocks import spaces
        >>> hp = kt.HyperParameters()
        >>> rate = spaces.between(1e-4, 1e-2, log=True)
        >>> config = spaces.optimizer(hp, kind="adam", learning_rate=rate)["config"]
        >>> round(config["learning_rate"], 6)
        0.001
    """
    for argument, value in {"low": low, "high": high}.items():
        if isinstance(value, bool) or not isinstance(value, numbers.Real):
            raise ValueError(f"between: '{argument}' must be a number, got {value!r}")
    low, high = (getattr(value, "item", lambda v=value: v)() for value in (low, high))
    if not low < high:
        raise ValueError(f"between: 'high' must be above {low!r}, got {high!r}")
    if log and low <= 0:
        raise ValueError(f"between: 'low' must be above 0 with log=True, got {low!r}")
    if step is not None and not step > (1 if log else 0):
        least = "1 with log=True" if log else "0"
        raise ValueError(f"between: 'step' must be above {least}, got {step!r}")
    if default is not None and not low <= default <= high:
        raise ValueError(
            f"between: 'default' must be from {low!r} to {high!r}, got {default!r}"
        )
    return Between(low, high, log, step, default)


def is_domain(value: Any) -> bool:
    """Whether an argument is narrowed, not fixed."""
    return isinstance(value, Among | Between)


def candidates(value: Any) -> tuple[Any, ...]:
    """Every value that an argument, fixed or narrowed to a few, may have.

    Example:
        >>> candidates(3), candidates(among("max", None))
        ((3,), ('max', None))
    """
    return value.values if is_domain(value) else (value,)


def _label(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, keras.layers.Layer):
        return type(value).__name__
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "x".join(_label(item) for item in value)
    return str(getattr(value, "__name__", value))
