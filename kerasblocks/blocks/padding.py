"""Padding of a convolution: a name, or the number of zeros on each side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.core.arguments import did_you_mean, is_positive_int
from kerasblocks.core.axes import layer_class

PADDINGS = ("same", "valid", "causal")
Pairs = tuple[tuple[int, int], ...]
"""The zeros before and after, for each spatial axis."""


def check_padding(owner: str, padding: Any) -> Any:
    """Returns `padding` if it is a name, an int, or a tuple with an item for each axis.

    Raises:
        ValueError: `padding` is something else.
    """
    if isinstance(padding, str):
        known = padding in PADDINGS
    elif isinstance(padding, tuple | list):
        known = 1 <= len(padding) <= 3 and all(_is_axis(axis) for axis in padding)
    else:
        known = _is_count(padding)
    if not known:
        raise ValueError(
            f"{owner}: 'padding' must be {', '.join(map(repr, PADDINGS))}, an int of "
            "at least 0, or a tuple with an int or a pair (before, after) for each "
            f"spatial axis, got {padding!r}{did_you_mean(padding, PADDINGS)}"
        )
    return padding


def split_padding(
    owner: str,
    padding: Any,
    kernel_size: Sequence[int],
    dilation: Sequence[int],
) -> tuple[Pairs | None, str]:
    """Splits a padding into zeros before the convolution and the convolution's own.

    Args:
        owner: The class, for the error message.
        padding: A legal padding; see `check_padding`.
        kernel_size: The size of the kernel along each spatial axis.
        dilation: The dilation along each spatial axis.

    Raises:
        ValueError: `padding` does not fit the number of spatial axes.
    """
    rank = len(kernel_size)
    if padding == "causal":
        if rank != 1:
            raise ValueError(
                f"{owner}: 'padding' must not be 'causal' for an input with {rank} "
                "spatial axes; it works in 1D only"
            )
        return (((kernel_size[0] - 1) * dilation[0], 0),), "valid"
    if isinstance(padding, str):
        return None, padding
    if isinstance(padding, tuple | list):
        if len(padding) != rank:
            raise ValueError(
                f"{owner}: 'padding' must have one number or pair for each of the "
                f"{rank} spatial axes, got {padding!r}"
            )
        axes = tuple(padding)
    else:
        axes = (padding,) * rank
    pairs = tuple(_pair(axis) for axis in axes)
    return (pairs if any(map(any, pairs)) else None), "valid"


def make_padding(pairs: Pairs, data_format: str, dtype: Any) -> keras.layers.Layer:
    """Makes the Keras layer that pads with zeros."""
    rank = len(pairs)
    return layer_class("ZeroPadding{}D", rank)(
        pairs[0] if rank == 1 else pairs,
        data_format=data_format,
        name="padding",
        dtype=dtype,
    )


def _pair(axis: Any) -> tuple[int, int]:
    before, after = axis if isinstance(axis, tuple | list) else (axis, axis)
    return int(before), int(after)


def _is_axis(axis: Any) -> bool:
    if isinstance(axis, tuple | list):
        return len(axis) == 2 and all(_is_count(count) for count in axis)
    return _is_count(axis)


def _is_count(count: Any) -> bool:
    return (count == 0 and not isinstance(count, bool)) or is_positive_int(count)
