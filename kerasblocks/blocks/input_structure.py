"""Checks the input of a layer with several inputs: names, counts and pairs."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from kerasblocks.core.arguments import did_you_mean


def by_position(owner: str, count: int, inputs: Any) -> list:
    """Returns the entries of a list or tuple. Raises unless there are `count`."""
    if not isinstance(inputs, list | tuple) or len(inputs) != count:
        raise ValueError(
            f"{owner}: the input must be a list of {count}, one for each encoder, got "
            f"{describe(inputs)}"
        )
    return list(inputs)


def by_name(owner: str, names: Sequence[str], inputs: Any) -> list:
    """Returns the entries of a dict in the order of `names`. Raises for wrong names."""
    expected = f"{owner}: the input must be a dict with {', '.join(map(repr, names))}"
    if not isinstance(inputs, Mapping):
        raise ValueError(f"{expected}, got {describe(inputs)}")
    wrong = [f"{name!r} is missing" for name in names if name not in inputs]
    wrong += [
        f"{name!r} is unknown{did_you_mean(name, names)}"
        for name in inputs
        if name not in names
    ]
    if wrong:
        raise ValueError(f"{expected}: {', and '.join(wrong)}")
    return [inputs[name] for name in names]


def as_pair(owner: str, key: Any, entry: Any) -> Any:
    """Returns the entry of an optional input. Raises unless it is a legal pair."""
    if not isinstance(entry, list | tuple) or len(entry) != 2:
        raise ValueError(
            f"{owner}: the input {key!r} is optional and must be a pair (input, "
            f"present), got {describe(entry)}"
        )
    shape = getattr(entry[1], "shape", None)
    if shape is None or len(shape) not in (1, 2) or tuple(shape)[1:] not in ((), (1,)):
        raise ValueError(
            f"{owner}: 'present' of the optional input {key!r} must have the shape "
            f"(batch,) or (batch, 1), got {describe(entry[1])}"
        )
    return entry


def describe(value: Any) -> str:
    """Describes an input for an error message."""
    if isinstance(value, Mapping):
        return f"a dict with {', '.join(map(repr, value))}"
    if isinstance(value, list | tuple):
        return f"a {type(value).__name__} of {len(value)}"
    if hasattr(value, "shape"):
        return f"a tensor of shape {tuple(value.shape)}"
    return repr(value)


def check_some(owner: str, argument: str, value: Any, keys: Sequence[Any]) -> tuple:
    """Returns a list of some of the keys as a tuple, else raises."""
    expected = f"'{argument}' must be a list of some of {', '.join(map(repr, keys))}"
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise ValueError(f"{owner}: {expected}, got {value!r}")
    for key in value:
        if isinstance(key, bool) or key not in keys:
            hint = did_you_mean(key, [k for k in keys if isinstance(k, str)])
            raise ValueError(f"{owner}: {expected}, got {key!r}{hint}")
    return tuple(value)


def layer_name(name: str) -> str:
    """Returns a user's name as a legal layer name.

    TensorFlow uses layer names as scopes, and refuses spaces and umlauts in them.

    Example:
        >>> layer_name("house value (€)")
        'house_value____'
    """
    return re.sub(r"[^A-Za-z0-9_.>-]", "_", name)
