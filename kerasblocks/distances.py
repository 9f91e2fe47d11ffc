"""Distances along the last axis. Their gradients are finite everywhere.

They are computed from differences, not from a matrix product. So the distance of equal
vectors is exactly 0, even on a GPU that multiplies matrices in lower precision.
"""

from __future__ import annotations

from typing import Any

from keras import ops

# Below this the gradient of a root overflows. So vectors shorter than 1e-15 count as 0.
_TINY = 1e-30


def root(squares: Any) -> Any:
    """The square root, and 0 with a gradient of 0 where `squares` is 0.

    Without the inner `where`, the infinite derivative at 0 would turn the gradient into
    NaN, even though the outer one discards the value.
    """
    positive = squares > _TINY
    roots = ops.sqrt(ops.where(positive, squares, ops.ones_like(squares)))
    return ops.where(positive, roots, ops.zeros_like(squares))


def unit(x: Any) -> Any:
    """`x` scaled to length 1 along the last axis; 0 where it is zero."""
    length = root(ops.sum(ops.square(x), axis=-1, keepdims=True))
    zero = length == 0
    return ops.where(zero, ops.zeros_like(x), x / ops.where(zero, 1.0, length))


def squared_euclidean(a: Any, b: Any) -> Any:
    """The squared Euclidean distance of `a` and `b`, without their last axis."""
    return ops.sum(ops.square(a - b), axis=-1)


def euclidean(a: Any, b: Any) -> Any:
    """The Euclidean distance, whose gradient is 0 where `a` equals `b`."""
    return root(squared_euclidean(a, b))


def cosine(a: Any, b: Any) -> Any:
    """1 minus the cosine of the angle between `a` and `b`; 1 where one is zero."""
    a, b = unit(a), unit(b)
    # |a - b|^2 / 2 keeps digits that 1 - ab loses. A zero vector lacks half of 1.
    a_lacks = ops.cast(ops.all(a == 0, axis=-1), a.dtype)
    b_lacks = ops.cast(ops.all(b == 0, axis=-1), b.dtype)
    return (squared_euclidean(a, b) + a_lacks + b_lacks) / 2


def similarities(x: Any) -> Any:
    """The cosines of all pairs of rows: `(batch, batch)` of `(batch, features)`."""
    x = unit(x)
    return ops.matmul(x, ops.transpose(x))


DISTANCES = {
    "euclidean": euclidean,
    "squared_euclidean": squared_euclidean,
    "cosine": cosine,
}


def pairwise(distance: str, x: Any) -> Any:
    """The distances of all pairs of rows.

    Args:
        distance: A key of `DISTANCES`.
        x: `(batch, features)`. The memory is that of `batch * batch * features`
            numbers, unless the compiler fuses the sum.

    Returns:
        `(batch, batch)`, symmetric.

    Example:
        >>> x = ops.convert_to_tensor([[0.0, 0.0], [3.0, 4.0]])
        >>> ops.convert_to_numpy(pairwise("euclidean", x)).tolist()
        [[0.0, 5.0], [5.0, 0.0]]
    """
    return DISTANCES[distance](ops.expand_dims(x, 1), ops.expand_dims(x, 0))
