"""Three rules of `fold`: batch normalization goes into the layers around it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasblocks.core._keras import made_by
from kerasblocks.inspect.fold import linear
from kerasblocks.inspect.fold.new_layers import NewLayers
from kerasblocks.inspect.graph import Call, Graph, is_masked

# Moving the shift to the other side of a sum loses precision, four bits where the mean
# is this many standard deviations from 0. An accuracy of 1e-5 is still kept.
_LARGEST_OFFSET = 16.0

_Change = tuple[Call, dict[str, np.ndarray]]
"""A call, and the weights that its layer needs instead."""


def fold_into_producer(graph: Graph, call: Call, new_layers: NewLayers) -> bool:
    """Folds batch normalization into the linear layer before it."""
    norm = _affine(call)
    changes = norm and _absorb(graph, call.input, norm)
    return _fold(graph, call, changes, new_layers)


def fold_into_readers(graph: Graph, call: Call, new_layers: NewLayers) -> bool:
    """Folds batch normalization into the linear layers after it."""
    norm = _affine(call)
    if norm is None or norm.offset > _LARGEST_OFFSET:
        return False
    changes = _prepend(graph.readers(call.output), norm)
    return _fold(graph, call, changes, new_layers)


def fold_around_relu(graph: Graph, call: Call, new_layers: NewLayers) -> bool:
    """Turns batch normalization, a relu and the linear layers after it into a maximum.

    relu(s x + t) is s max(x, -t / s) + t for s > 0, and s min(x, -t / s) + t for s < 0.
    The linear layers take over s and t. What remains is one pass over the data instead
    of three. This serves batch normalization of a concatenation, which no layer before
    it can take over.
    """
    norm, relu = _affine(call), graph.only_reader(call.output)
    if norm is None or relu is None or not _is_relu(relu):
        return False
    if (
        norm.offset > _LARGEST_OFFSET
        or is_masked(call.input)  # an operation does not pass the mask on
        or call.input.dtype not in ("float16", "float32", "float64")
        or (norm.scale == 0).any()
    ):
        return False
    shape = [1] * len(call.input.shape)
    shape[norm.axis] = -1
    bound = (-norm.shift / norm.scale).reshape(shape)
    changes = _prepend(graph.readers(relu.output), norm)
    # The smaller the scale, the larger the bound. The weights must stay precise.
    largest = np.finfo(call.input.dtype).tiny ** -0.5
    if changes is None or not (np.abs(bound) <= largest).all():
        return False
    _apply(changes, new_layers)
    bound, rising = bound.astype(call.input.dtype), (norm.scale > 0).reshape(shape)
    _replace_by_bounds(graph, call, relu, bound, rising)
    return True


def _fold(
    graph: Graph, call: Call, changes: list[_Change] | None, new_layers: NewLayers
) -> bool:
    """Makes the changes and removes the call, if there are changes."""
    if not changes:
        return False
    _apply(changes, new_layers)
    graph.bypass(call, call.input)
    return True


def _apply(changes: list[_Change], new_layers: NewLayers) -> None:
    for call, weights in changes:
        call.layer = new_layers.with_weights(call.layer, call.input.shape, weights)


@dataclass(frozen=True)
class _Affine:
    """`x * scale + shift`, with a scale and a shift for each channel.

    Attributes:
        axis: The axis of the channels, counted from the front.
        scale: Float64, of shape `(channels,)`.
        shift: Float64, of shape `(channels,)`.
        offset: How many standard deviations the mean is from 0, at most. Moving the
            shift to the other side of a sum loses that factor of precision.
    """

    axis: int
    scale: np.ndarray
    shift: np.ndarray
    offset: float

    def part(self, start: int, size: int) -> _Affine:
        """The same for `size` channels from `start` on."""
        chosen = slice(start, start + size)
        return _Affine(self.axis, self.scale[chosen], self.shift[chosen], self.offset)


def _affine(call: Call) -> _Affine | None:
    """What batch normalization does in inference; None for calls of other layers."""
    layer = call.layer
    if type(layer) is not layers.BatchNormalization:
        return None
    mean = linear.array(layer.moving_mean)
    variance = linear.array(layer.moving_variance) + layer.epsilon
    if not (variance > 0).all():
        return None
    deviation = np.sqrt(variance)
    scale = (linear.array(layer.gamma) if layer.scale else 1.0) / deviation
    shift = (linear.array(layer.beta) if layer.center else 0.0) - mean * scale
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        return None
    offset = float(np.max(np.abs(mean) / deviation, initial=0.0))
    return _Affine(layer.axis % len(call.input.shape), scale, shift, offset)


def _replace_by_bounds(
    graph: Graph, call: Call, relu: Call, bound: np.ndarray, rising: np.ndarray
) -> None:
    """Replaces both calls: by a maximum, a minimum, or one after the other."""
    largest = np.finfo(bound.dtype).max
    above = _Bound(call.layer.name, ops.minimum, np.where(rising, largest, bound))
    below = _Bound(relu.layer.name, ops.maximum, np.where(rising, bound, -largest))
    if rising.all():
        graph.replace(relu, below, call.input)
    elif not rising.any():
        graph.replace(relu, above, call.input)
    else:
        graph.replace(call, above, call.input)
        graph.replace(relu, below, call.output)


class _Bound:
    """An operation on a tensor and a constant."""

    def __init__(self, name: str, operation: Any, constant: np.ndarray):
        self.name = name
        self._operation = operation
        self._constant = constant

    def __call__(self, x: keras.KerasTensor) -> keras.KerasTensor:
        y = self._operation(x, self._constant)
        # Keras' own name is numbered by session, and there is no argument for another.
        made_by(y)[0].name = self.name
        return y


def _absorb(graph: Graph, x: keras.KerasTensor, norm: _Affine) -> list[_Change] | None:
    """The changes before `x` that turn `x` into `x * scale + shift`, if there are any.

    They may lie before a pooling: an average commutes with a scale and shift of each
    channel, and a maximum does if no scale is negative.
    """
    call = graph.producer(x)
    if call is None or graph.only_reader(x) is None:
        return None
    layer = call.layer
    if type(layer) is layers.Concatenate:
        return _absorb_parts(graph, call, norm)
    if call.input is None or linear.channel_axis(layer, len(x.shape)) != norm.axis:
        return None
    if type(layer) in linear.AVERAGES or (
        type(layer) in linear.MAXIMA and (norm.scale >= 0).all()
    ):
        return _absorb(graph, call.input, norm) if call.keeps_dtype else None
    if not linear.is_foldable(layer) or not linear.has_no_activation(layer):
        return None
    weights = linear.scaled_after(layer, norm.scale, norm.shift)
    return [(call, weights)] if linear.fits(layer, weights) else None


def _absorb_parts(graph: Graph, call: Call, norm: _Affine) -> list[_Change] | None:
    if not call.keeps_dtype or call.layer.axis % len(call.output.shape) != norm.axis:
        return None
    changes, start = [], 0
    for x in call.reads:
        size = x.shape[norm.axis]
        change = _absorb(graph, x, norm.part(start, size))
        if change is None:
            return None
        changes += change
        start += size
    return changes


def _prepend(readers: list[Call | None], norm: _Affine) -> list[_Change] | None:
    """The changes with which the readers do both, if all of them can."""
    changes = [_before(reader, norm) for reader in readers]
    whole = [change for change in changes if change is not None]
    return whole if whole and len(whole) == len(changes) else None


def _before(reader: Call | None, norm: _Affine) -> _Change | None:
    if reader is None or not reader.is_simple:
        return None
    layer, rank = reader.layer, len(reader.input.shape)
    if not linear.is_foldable(layer) or norm.axis != linear.channel_axis(layer, rank):
        return None
    weights = linear.scaled_before(layer, norm.scale, norm.shift)
    return (reader, weights) if weights and linear.fits(layer, weights) else None


def _is_relu(call: Call) -> bool:
    layer = call.layer
    if not call.is_simple:
        return False
    if type(layer) is layers.Activation:
        return layer.activation is keras.activations.relu
    return type(layer) is layers.ReLU and (
        layer.max_value is None and not layer.negative_slope and not layer.threshold
    )
