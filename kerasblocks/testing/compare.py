"""Outputs as arrays, and whether they agree."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import tree


def arrays(outputs: Any) -> list[np.ndarray]:
    """The tensors of an output as a flat list; those that are None are left out."""
    return [_array(x) for x in tree.flatten(outputs) if x is not None]


def _array(x: Any) -> np.ndarray:
    if keras.backend.is_float_dtype(dtype_of(x)):
        x = keras.ops.cast(x, "float64" if dtype_of(x) == "float64" else "float32")
    return np.asarray(keras.ops.convert_to_numpy(x))


def dtype_of(x: Any) -> str:
    """The name of a tensor's dtype."""
    return keras.backend.standardize_dtype(x.dtype)


def equal(ours: Any, theirs: Any) -> bool:
    """Whether two outputs are equal to the last bit."""
    return _all(ours, theirs, lambda a, b: not _difference(a, b).any())


def close(ours: Any, theirs: Any, rtol: float = 1e-4, atol: float = 1e-5) -> bool:
    """Whether two outputs are equal up to rounding, in relation to their largest."""

    def near(a: np.ndarray, b: np.ndarray) -> bool:
        return bool((_difference(a, b) <= rtol * _largest(b) + atol).all())

    return _all(ours, theirs, near)


def difference(ours: Any, theirs: Any) -> str:
    """Say how far two outputs are apart."""
    a, b = arrays(ours), arrays(theirs)
    if len(a) != len(b):
        return f"{len(a)} tensors for {len(b)}"
    for one, other in zip(a, b, strict=True):
        if one.shape != other.shape:
            return f"the shape {one.shape} for {other.shape}"
    worst = max(
        (float(_difference(*two).max(initial=0)) for two in zip(a, b, strict=True)),
        default=0,
    )
    return f"they differ by up to {worst:.3g}"


def share_apart(ours: np.ndarray, theirs: np.ndarray, tolerance: float) -> float:
    """The share of values further apart than `tolerance` times the values' size."""
    allowed = tolerance * (np.abs(theirs) + np.std(theirs)) + 1e-3
    return float((_difference(ours, theirs) > allowed).mean()) if ours.size else 0.0


def _all(ours: Any, theirs: Any, agree: Any) -> bool:
    a, b = arrays(ours), arrays(theirs)
    return len(a) == len(b) and all(
        one.shape == other.shape and agree(one, other)
        for one, other in zip(a, b, strict=True)
    )


def _difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if not np.issubdtype(a.dtype, np.number):
        return (a != b).astype("float64")
    a, b = a.astype("float64"), b.astype("float64")
    same = (a == b) | (np.isnan(a) & np.isnan(b))
    with np.errstate(invalid="ignore"):
        apart = np.abs(a - b)
    return np.where(same, 0.0, np.nan_to_num(apart, nan=np.inf, posinf=np.inf))


def _largest(array: np.ndarray) -> float:
    if not np.issubdtype(array.dtype, np.number) or not array.size:
        return 0.0
    finite = array[np.isfinite(array)]
    return float(np.abs(finite.astype("float64")).max(initial=0))
