"""A check of arguments that are numbers above 0."""

from __future__ import annotations

import numbers
from typing import Any


def positive_number(owner: str, argument: str, value: Any) -> float:
    """Returns `value` as a float if it is a finite number above 0, else raises."""
    if (
        isinstance(value, numbers.Real)
        and not isinstance(value, bool)
        and 0 < float(value) < float("inf")
    ):
        return float(value)
    raise ValueError(f"{owner}: '{argument}' must be a positive number, got {value!r}")
