"""Distances along the last axis, whose gradients are finite everywhere.

Distances are taken from the differences, not from a matrix product, so that equal
vectors are at distance 0 exactly, also where a GPU multiplies with fewer digits.
"""

from __future__ import annotations

from typing import Any

from keras import ops

# Below it the gradient of a root overflows: shorter vectors than 1e-15 count as 0.
_TINY = 1e-30


def root(squares: Any) -> Any:
    """The square root, and 0 with a gradient of 0 where `squares` is 0.

    The inner `where` keeps the infinite derivative at 0 out of the gradient, which
    the outer one alone would turn into NaN.
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
    """1 less the cosine of the angle between `a` and `b`; 1 where one is zero."""
    a, b = unit(a), unit(b)
    # Half of |a - b|^2 does not cancel digits as 1 - ab does. A zero lacks half a 1.
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
        x: `(batch, features)`. It takes memory for `batch * batch * features`
            numbers, where the compiler does not fuse the sum.

    Returns:
        `(batch, batch)`, symmetric.

    Example:
        >>> x = ops.convert_to_tensor([[0.0, 0.0], [3.0, 4.0]])
        >>> ops.convert_to_numpy(pairwise("euclidean", x)).tolist()
        [[0.0, 5.0], [5.0, 0.0]]
    """
    return DISTANCES[distance](ops.expand_dims(x, 1), ops.expand_dims(x, 0))
