"""Branches of an inception module as data: from tuples to layers.

A branch is a list of steps. A step is

- `(filters, kernel_size)`, `(filters, kernel_size, strides)` or
  `(filters, kernel_size, strides, padding)`: a convolution;
- `("max", pool_size)` or `("average", pool_size)`, with the same two options and
  strides of 1: pooling;
- a dict of `ConvBlock` arguments, for what these cannot say;
- a list of branches: a fork, concatenated again;
- any Keras layer.

GoogLeNet's first module, for one, is

    [[(64, 1)],
     [(96, 1), (128, 3)],
     [(16, 1), (32, 5)],
     [("max", 3), (32, 1)]]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.parallel import Parallel
from kerasblocks.blocks.pooling import POOLINGS, Pooling
from kerasblocks.core.arguments import is_positive_int


def book_branches(filters: Sequence[int], strides: Any) -> list[list[tuple]]:
    """The four branches of the module in Deep Learning with Python.

    Args:
        filters: The filters of each branch.
        strides: The stride of the module, at the last step that can carry it, or
            at the pooling.
    """
    a, b, c, d = filters
    return [
        [(a, 1, strides)],
        [(b, 1), (b, 3, strides)],
        [("average", 3, strides), (c, 3)],
        [(d, 1), (d, 3), (d, 3, strides)],
    ]


def make_branch(
    owner: str, branch: Any, common: dict[str, Any], conv: dict[str, Any]
) -> list[keras.layers.Layer]:
    """The layers of a branch.

    Args:
        owner: The class, for error messages.
        branch: A list of steps.
        common: What all layers are given: `data_format` and `dtype`.
        conv: What convolutions are given: `normalization`, `activation`.

    Raises:
        ValueError: a step is none of what the module's docstring lists.
    """
    if not isinstance(branch, list | tuple):
        raise ValueError(
            f"{owner}: each of 'branches' must be a list of steps, got {branch!r}"
        )
    return [
        _make_step(owner, step, position, common, conv)
        for position, step in enumerate(branch, start=1)
    ]


def _make_step(
    owner: str, step: Any, position: int, common: dict[str, Any], conv: dict[str, Any]
) -> keras.layers.Layer:
    if isinstance(step, keras.layers.Layer):
        return step
    if isinstance(step, dict):
        return ConvBlock(**{**common, **conv, "name": f"conv_{position}", **step})
    if isinstance(step, list | tuple) and step:
        kind, *sizes = step
        if isinstance(kind, list | tuple):
            paths = [make_branch(owner, branch, common, conv) for branch in step]
            return Parallel(paths, name=f"fork_{position}", **common)
        options = dict(zip(("size", "strides", "padding"), sizes, strict=False))
        if len(options) == len(sizes) and "size" in options:
            size, name = options.pop("size"), f"conv_{position}"
            if is_positive_int(kind):
                return ConvBlock(kind, size, name=name, **options, **common, **conv)
            if isinstance(kind, str) and kind in POOLINGS:
                options = {"strides": 1, **options, "name": f"pooling_{position}"}
                return Pooling(kind, size, **options, **common)
    raise ValueError(
        f"{owner}: a step of 'branches' must be (filters, kernel_size), "
        "('max' or 'average', pool_size), each with strides and padding after them "
        "if need be, a dict of ConvBlock arguments, a list of branches or a Keras "
        f"layer, got {step!r}"
    )
