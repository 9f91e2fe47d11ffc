"""Batch normalization in the weights of the layers around it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers, ops

from kerasblocks.core._keras import made_by
from kerasblocks.inspect.folding import linear
from kerasblocks.inspect.folding.affine import Affine, affine
from kerasblocks.inspect.folding.copies import Copies
from kerasblocks.inspect.folding.graph import Call, Graph, is_masked

# Where the mean lies so many deviations from 0, what moves the shift to the other side
# of a sum loses four bits, and 1e-5 is kept still.
_LARGEST_OFFSET = 16.0

_Change = tuple[Call, dict[str, np.ndarray]]
"""A call whose layer is to have other weights."""


def fold_into_producer(graph: Graph, call: Call, copies: Copies) -> bool:
    """After a linear layer: that layer with other weights does both."""
    found = affine(call)
    if found is None:
        return False
    changes = _absorb(graph, call.input, found)
    if changes is None:
        return False
    _apply(changes, copies)
    graph.bypass(call, call.input)
    return True


def fold_into_readers(graph: Graph, call: Call, copies: Copies) -> bool:
    """Before linear layers alone: those layers with other weights do both."""
    found = affine(call)
    if found is None or found.offset > _LARGEST_OFFSET:
        return False
    changes = _prepend(graph.readers(call.output), found)
    if changes is None:
        return False
    _apply(changes, copies)
    graph.bypass(call, call.input)
    return True


def fold_around_relu(graph: Graph, call: Call, copies: Copies) -> bool:
    """With a relu before linear layers: of both a maximum remains.

    Where s > 0, relu(s x + t) = s max(x, -t / s) + t, and where s < 0 it is that with
    the minimum. The linear layers take the s and the t. One pass over the data instead
    of three, as where the input is a concatenation, which no layer before can scale.
    """
    found, relu = affine(call), graph.only_reader(call.output)
    if found is None or relu is None or not _is_relu(relu):
        return False
    if (
        found.offset > _LARGEST_OFFSET
        or is_masked(call.input)  # which an operation does not pass on
        or call.input.dtype not in ("float16", "float32", "float64")
        or (found.scale == 0).any()
    ):
        return False
    shape = [1] * len(call.input.shape)
    shape[found.axis] = -1
    bound = (-found.shift / found.scale).reshape(shape)
    changes = _prepend(graph.readers(relu.output), found)
    # A bound is as large as a scale is small, which in the weights must stay precise.
    largest = np.finfo(call.input.dtype).tiny ** -0.5
    if changes is None or not (np.abs(bound) <= largest).all():
        return False
    _apply(changes, copies)
    bound, rising = bound.astype(call.input.dtype), (found.scale > 0).reshape(shape)
    _replace_by_bounds(graph, call, relu, bound, rising)
    return True


def _replace_by_bounds(graph, call, relu, bound, rising) -> None:
    """Of two calls, keeps one where all channels are bounded from the same side."""
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
        # Keras has no argument for it, and counts the names of a session alone.
        made_by(y)[0].name = self.name
        return y


def _apply(changes: list[_Change], copies: Copies) -> None:
    for call, weights in changes:
        call.layer = copies.weighted(call.layer, call.input.shape, weights)


def _absorb(graph: Graph, x: keras.KerasTensor, found: Affine) -> list[_Change] | None:
    """The changes that make of `x` its affine image, if some do.

    Through what maps each channel by itself and keeps constants: a mean does, and a
    maximum where no scale is negative.
    """
    call = graph.producer(x)
    if call is None or graph.only_reader(x) is None:
        return None
    layer = call.layer
    if type(layer) is layers.Concatenate:
        return _absorb_parts(graph, call, found)
    if call.input is None or linear.channel_axis(layer, len(x.shape)) != found.axis:
        return None
    if type(layer) in linear.AVERAGES or (
        type(layer) in linear.MAXIMA and (found.scale >= 0).all()
    ):
        return _absorb(graph, call.input, found) if call.keeps_dtype else None
    if not linear.is_foldable(layer) or not linear.has_no_activation(layer):
        return None
    weights = linear.scaled_after(layer, found.scale, found.shift)
    return [(call, weights)] if linear.fits(layer, weights) else None


def _absorb_parts(graph: Graph, call: Call, found: Affine) -> list[_Change] | None:
    if not call.keeps_dtype or call.layer.axis % len(call.output.shape) != found.axis:
        return None
    changes, start = [], 0
    for x in call.reads:
        size = x.shape[found.axis]
        change = _absorb(graph, x, found.part(start, size))
        if change is None:
            return None
        changes += change
        start += size
    return changes


def _prepend(readers: list[Call | None], found: Affine) -> list[_Change] | None:
    """The changes with which all readers do to `x` what they did to its image."""
    changes = [_before(reader, found) for reader in readers]
    whole = [change for change in changes if change is not None]
    return whole if whole and len(whole) == len(changes) else None


def _before(reader: Call | None, found: Affine) -> _Change | None:
    if reader is None or reader.input is None or not reader.keeps_dtype:
        return None
    layer, rank = reader.layer, len(reader.input.shape)
    if not linear.is_foldable(layer) or found.axis != linear.channel_axis(layer, rank):
        return None
    weights = linear.scaled_before(layer, found.scale, found.shift)
    return (reader, weights) if weights and linear.fits(layer, weights) else None


def _is_relu(call: Call) -> bool:
    layer = call.layer
    if call.input is None or not call.keeps_dtype:
        return False
    if type(layer) is layers.Activation:
        return layer.activation is keras.activations.relu
    return type(layer) is layers.ReLU and (
        layer.max_value is None and not layer.negative_slope and not layer.threshold
    )
