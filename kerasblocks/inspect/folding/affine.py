"""`Affine`: a scale and a shift for each channel, all that batch norm is when used."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np

from kerasblocks.inspect.folding.graph import Call
from kerasblocks.inspect.folding.linear import array


@dataclass(frozen=True)
class Affine:
    """`x * scale + shift`, by the index along one axis.

    Attributes:
        axis: The axis, counted from the front.
        scale: Float64, of shape `(channels,)`.
        shift: Likewise.
        offset: How many standard deviations the mean lies from 0, at most. What moves
            the shift to the other side of a sum loses that many times the precision.
    """

    axis: int
    scale: np.ndarray
    shift: np.ndarray
    offset: float

    def part(self, start: int, size: int) -> Affine:
        """The same for `size` of the channels, from `start` on."""
        chosen = slice(start, start + size)
        return Affine(self.axis, self.scale[chosen], self.shift[chosen], self.offset)


def affine(call: Call) -> Affine | None:
    """What the call does to its input, if it is of batch norm, in inference."""
    layer, x = call.layer, call.input
    if type(layer) is not keras.layers.BatchNormalization or not call.keeps_dtype:
        return None
    mean = array(layer.moving_mean)
    variance = array(layer.moving_variance) + layer.epsilon
    if not (variance > 0).all():
        return None
    deviation = np.sqrt(variance)
    scale = (array(layer.gamma) if layer.scale else 1.0) / deviation
    shift = (array(layer.beta) if layer.center else 0.0) - mean * scale
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        return None
    offset = float(np.max(np.abs(mean) / deviation, initial=0.0))
    return Affine(layer.axis % len(x.shape), scale, shift, offset)
