"""Ranks, data formats, and the Keras layers for a rank."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from kerasblocks.core.arguments import one_of

DATA_FORMATS = ("channels_last", "channels_first")


def resolve_data_format(owner: str, data_format: str | None) -> str:
    """Returns `data_format`, or Keras' global setting if it is None."""
    if data_format is None:
        return keras.config.image_data_format()
    return one_of(owner, "data_format", data_format, DATA_FORMATS)


def spatial_rank(owner: str, shape: Any) -> int:
    """The number of spatial axes of an input shape: 1, 2 or 3."""
    rank = len(shape) - 2
    if rank not in (1, 2, 3):
        raise ValueError(
            f"{owner}: the input must have 1, 2 or 3 spatial axes "
            f"(batch, spatial..., channels), got the shape {tuple(shape)}"
        )
    return rank


def channel_axis(data_format: str, shape: Any) -> int:
    """The axis of the channels: 1 for channels_first with spatial axes, else -1."""
    return 1 if data_format == "channels_first" and len(shape) > 2 else -1


def channels(owner: str, data_format: str, shape: Any) -> int:
    """The number of channels in `shape`. Raises if it is None."""
    count = shape[channel_axis(data_format, shape)]
    if count is None:
        raise ValueError(
            f"{owner}: the number of channels must be known ({data_format}), "
            f"got the input shape {tuple(shape)}"
        )
    return count


def spatial_sizes(data_format: str, shape: Any) -> tuple[int | None, ...]:
    """The sizes of the spatial axes."""
    if data_format == "channels_first" and len(shape) > 2:
        return tuple(shape[2:])
    return tuple(shape[1:-1])


def with_spatial_sizes(data_format: str, shape: Any, sizes: Any) -> tuple:
    """Returns `shape` with its spatial sizes replaced by `sizes`."""
    if data_format == "channels_first":
        return (*shape[:2], *sizes)
    return (shape[0], *sizes, shape[-1])


def layer_class(template: str, rank: int) -> Callable[..., keras.layers.Layer]:
    """The Keras class for a rank: `layer_class("Conv{}D", 2)` is `Conv2D`."""
    return getattr(keras.layers, template.format(rank))
