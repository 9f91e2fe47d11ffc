"""Multiply-accumulates (MACs) of Keras' operations, computed from their shapes."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from keras import tree

from kerasblocks.inspect.summary.sizes import product

Shape = tuple[int | None, ...]

UNKNOWN = frozenset(
    """
    AssociativeScan Cond ForiLoop Map Scan Switch VectorizedMap WhileLoop JVP
    Cholesky CholeskyInverse Det Eig Eigh Inv Logdet Lstsq LuFactor MatrixRank Pinv
    Qr Slogdet Solve SolveTriangular SVD CDist Corrcoef ElasticTransform FFT FFT2
    GaussianBlur IFFT2 IRFFT ISTFT RFFT SSIM SobelEdges STFT
    """.split()  # noqa: SIM905
)
"""Operations whose MACs do not follow from shapes, or have no agreed count."""


def count_macs(operation: Any, args: Any, kwargs: Any, outputs: Any) -> int | None:
    """The multiply-accumulates of one run of a Keras operation.

    Convolutions and matrix products are counted, including positions that padding
    fills. All other operations count as 0, as in the papers.

    Args:
        operation: One of Keras' own operations.
        args: Its arguments by position: tensors, `KerasTensor`s or arrays.
        kwargs: Its arguments by name.
        outputs: Its output, a structure of `KerasTensor`s.

    Returns:
        The number, or None if it is unknown, because a size is None or the operation is
        a loop or a decomposition.

    Example:
        >>> import keras
        >>> from kerasblocks.core._keras import made_by
        >>> x = keras.KerasTensor((1, 8, 8, 3))
        >>> kernel = keras.KerasTensor((3, 3, 3, 16))
        >>> y = keras.ops.conv(x, kernel, padding="same")
        >>> count_macs(made_by(y)[0], (x, kernel), {}, y)
        27648
    """
    name = type(operation).__name__
    if name in UNKNOWN:
        return None
    if name not in _RULES:
        return 0
    shapes = [_shape(x) for x in (*args, *kwargs.values()) if x is not None]
    return _RULES[name](operation, _shape(tree.flatten(outputs)[0]), *shapes)


def _shape(x: Any) -> Shape:
    return tuple(x.shape) if hasattr(x, "shape") else np.shape(x)


# In every data format, a kernel is (sizes..., input channels of a group, filters).


def _conv(_: Any, output: Shape, inputs: Shape, kernel: Shape) -> int | None:
    return product((*output, *kernel[:-1]))


def _depthwise(_: Any, output: Shape, inputs: Shape, kernel: Shape) -> int | None:
    return product((*output, *kernel[:-2]))


def _separable(
    _: Any, output: Shape, inputs: Shape, depthwise: Shape, pointwise: Shape
) -> int | None:
    elements = product(output)
    if elements is None:
        return None
    positions = elements // int(pointwise[-1] or 1)
    return positions * (math.prod(depthwise) + math.prod(pointwise))  # type: ignore


def _transposed(_: Any, output: Shape, inputs: Shape, kernel: Shape) -> int | None:
    return product((*inputs, *kernel[:-1]))


def _matmul(_: Any, output: Shape, first: Shape, second: Shape) -> int | None:
    if not first or not second:  # A scalar is not a matrix.
        return 0
    return product((*output, first[-1]))


def _vdot(_: Any, output: Shape, first: Shape, second: Shape) -> int | None:
    return product(first)


def _tensordot(operation: Any, output: Shape, first: Shape, _: Shape) -> int | None:
    axes = operation.axes
    if isinstance(axes, int):
        contracted = first[len(first) - axes :]
    else:
        of_first = axes[0] if isinstance(axes[0], tuple | list) else [axes[0]]
        contracted = tuple(first[axis] for axis in of_first)
    return product((*output, *contracted)) if contracted else 0


def _einsum(operation: Any, output: Shape, *operands: Shape) -> int | None:
    if len(operands) != 2:
        # One operand needs no product. The cost of three depends on the order.
        return 0 if len(operands) < 2 else None
    left, arrow, right = operation.subscripts.replace(" ", "").partition("->")
    terms = [
        _labels(term, len(shape))
        for term, shape in zip(left.split(","), operands, strict=True)
    ]
    sizes: dict[str, int | None] = {}
    for term, shape in zip(terms, operands, strict=True):
        for label, size in zip(term, shape, strict=True):
            if sizes.get(label, 1) == 1:
                sizes[label] = size
    summed = set(sizes) - set(_labels(right, len(output)))
    if not arrow:
        both = [*terms[0], *terms[1]]
        summed = {one for one in both if both.count(one) > 1 and one[0] != "."}
    return product(sizes.values()) if summed else 0


def _labels(term: str, rank: int) -> list[str]:
    """The label of each axis. The axes of an ellipsis are numbered from the end."""
    before, dots, after = term.partition("...")
    hidden = rank - len(before) - len(after) if dots else 0
    return [*before, *(f"...{place}" for place in range(hidden, 0, -1)), *after]


def _correlate(_: Any, output: Shape, first: Shape, second: Shape) -> int | None:
    if first[0] is None or second[0] is None:
        return None
    return product((*output, min(first[0], second[0])))


def _attention(
    _: Any, output: Shape, query: Shape, key: Shape, *rest: Shape
) -> int | None:
    """Both products, of inputs of shape (batch, length, heads, features)."""
    return product((2, *query, key[1]))


_RULES: dict[str, Callable[..., int | None]] = {
    "Conv": _conv,
    "ConvTranspose": _transposed,
    "Correlate": _correlate,
    "DepthwiseConv": _depthwise,
    "Dot": _matmul,
    "DotProductAttention": _attention,
    "Einsum": _einsum,
    "Inner": _matmul,
    "Matmul": _matmul,
    "SeparableConv": _separable,
    "Tensordot": _tensordot,
    "Vdot": _vdot,
}
