"""Numbers of elements and of bytes; None where they are not known."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any


def product(sizes: Iterable[int | None]) -> int | None:
    """The product of sizes, or None where one is unknown.

    Example:
        >>> product((2, 3)), product(()), product((2, None))
        (6, 1, None)
    """
    sizes = tuple(sizes)
    return None if None in sizes else math.prod(sizes)  # type: ignore[arg-type]


def count_weights(weights: Iterable[Any]) -> int:
    """The number of elements of variables, each counted once."""
    distinct = {id(weight): weight for weight in weights}
    return sum(math.prod(weight.shape) for weight in distinct.values())


def weight_bytes(weights: Iterable[Any]) -> int:
    """The size of variables in memory, each counted once."""
    distinct = {id(weight): weight for weight in weights}
    return sum(tensor_bytes(one.shape, one.dtype) or 0 for one in distinct.values())


def tensor_bytes(shape: Any, dtype: str) -> int | None:
    """The size of a tensor in memory; None if unknown."""
    bits = 8 if dtype == "bool" else int((re.findall(r"\d+$", dtype) or [0])[0])
    elements = product(shape)
    if not bits or elements is None:  # text has no size
        return None
    return math.ceil(elements * bits / 8)
