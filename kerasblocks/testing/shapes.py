"""Shapes of inputs, and inputs of a shape, to draw from."""

from __future__ import annotations

import numbers
from collections.abc import Sequence
from typing import Any

import numpy as np
from hypothesis import strategies as st

DATA_FORMATS = ("channels_last", "channels_first")


def shapes(
    *,
    min_rank: int = 1,
    max_rank: int = 3,
    min_size: int = 1,
    max_size: int = 16,
    min_channels: int = 1,
    max_channels: int = 4,
    unknown: bool = True,
    data_format: str = "channels_last",
) -> st.SearchStrategy[tuple[int | None, ...]]:
    """Input shapes `(None, spatial..., channels)`, or with the channels first.

    Args:
        min_rank: The least number of spatial axes; 0 gives `(None, channels)`.
        max_rank: The largest number of spatial axes.
        min_size: The least spatial size.
        max_size: The largest spatial size.
        min_channels: The least number of channels.
        max_channels: The largest number of channels.
        unknown: Whether a spatial size may be None.
        data_format: "channels_last" or "channels_first".

    Returns:
        A strategy for tuples; it shrinks towards few axes and `min_size`.

    Raises:
        ValueError: a bound is not an int, or a minimum is above its maximum.

    Example:
        >>> from hypothesis import find
        >>> find(shapes(unknown=False), lambda shape: shape[1] >= 5)
        (None, 5, 1)
    """
    bounds = {
        "rank": (min_rank, max_rank, 0),
        "size": (min_size, max_size, 1),
        "channels": (min_channels, max_channels, 1),
    }
    for name, (least, most, floor) in bounds.items():
        if not isinstance(least, numbers.Integral) or not isinstance(
            most, numbers.Integral
        ):
            raise ValueError(
                f"shapes: 'min_{name}' and 'max_{name}' must be ints, got {least!r} "
                f"and {most!r}"
            )
        if not floor <= least <= most:
            raise ValueError(
                f"shapes: need {floor} <= min_{name} <= max_{name}, got {least} and "
                f"{most}"
            )
    if data_format not in DATA_FORMATS:
        raise ValueError(
            f"shapes: 'data_format' must be one of {DATA_FORMATS}, got {data_format!r}"
        )
    size = st.integers(min_size, max_size)
    if unknown:
        # A pair, since None alone would be simpler to Hypothesis than any number.
        size = st.tuples(st.booleans(), size).map(
            lambda drawn: None if drawn[0] else drawn[1]
        )
    sizes = st.lists(size, min_size=min_rank, max_size=max_rank)
    channels = st.integers(min_channels, max_channels)

    def join(spatial: list[int | None], count: int) -> tuple[int | None, ...]:
        if data_format == "channels_first":
            return (None, count, *spatial)
        return (None, *spatial, count)

    return st.builds(join, sizes, channels)


@st.composite
def _inputs(
    draw: Any, shape: Sequence[int | None], dtype: str, sizes: Any, batches: Any
) -> np.ndarray:
    batch = draw(batches) if shape[0] is None else shape[0]
    rest = [draw(sizes) if size is None else size for size in shape[1:]]
    generator = np.random.default_rng(draw(st.integers(0, 2**16)))
    concrete = (batch, *rest)
    if np.issubdtype(np.dtype(dtype), np.integer):
        return generator.integers(0, 10, concrete).astype(dtype)
    return generator.standard_normal(concrete).astype(dtype)


def inputs(
    shape: Sequence[int | None],
    dtype: str = "float32",
    *,
    min_size: int = 1,
    max_size: int = 16,
    max_batch: int = 3,
) -> st.SearchStrategy[np.ndarray]:
    """Arrays that fit an input shape: a size for each None, random values.

    Args:
        shape: The input's shape, the batch first.
        dtype: The arrays' dtype: a float (standard normal values) or an integer (0 to
            9).
        min_size: The least size that a None becomes.
        max_size: The largest size that a None becomes.
        max_batch: The largest batch, where that is None.

    Returns:
        A strategy for numpy arrays.

    Raises:
        ValueError: the bounds are not 1 <= min_size <= max_size, or max_batch is not
            positive.

    Example:
        >>> from hypothesis import find
        >>> find(inputs((None, None, 3)), lambda x: x.shape[1] >= 2).shape
        (1, 2, 3)
    """
    if not 1 <= min_size <= max_size:
        raise ValueError(
            f"inputs: need 1 <= min_size <= max_size, got {min_size} and {max_size}"
        )
    if max_batch < 1:
        raise ValueError(f"inputs: 'max_batch' must be at least 1, got {max_batch}")
    sizes = st.integers(min_size, max_size)
    return _inputs(tuple(shape), dtype, sizes, st.integers(1, max_batch))
