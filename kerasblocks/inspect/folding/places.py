"""Padding and pooling beside a convolution."""

from __future__ import annotations

from math import prod

from keras import layers

from kerasblocks.inspect.folding import linear
from kerasblocks.inspect.folding.copies import Copies
from kerasblocks.inspect.folding.graph import Call, Graph, is_masked

_PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)


def pool_where_it_is_smaller(graph: Graph, call: Call, copies: Copies) -> bool:
    """A mean over places and a pointwise convolution can change places.

    The convolution comes first where it leaves fewer channels to pool, the pooling
    where it leaves fewer places to convolve.
    """
    second = graph.only_reader(call.output)
    if second is None or second.input is None or is_masked(call.input):
        return False
    if not (call.keeps_dtype and second.keeps_dtype):
        return False
    if type(call.layer) in linear.AVERAGES:
        pool, convolution = call.layer, second.layer
    else:
        pool, convolution = second.layer, call.layer
    if (
        type(pool) not in linear.AVERAGES
        or not linear.is_pointwise(convolution)
        or not linear.has_no_activation(convolution)
        or convolution.data_format != pool.data_format
    ):
        return False
    strided = prod(pool.strides) > 1
    channels = call.output.shape[linear.channel_axis(pool, len(call.output.shape))]
    if pool is call.layer:
        better = not strided and convolution.filters < channels
    else:
        better = strided
    if better:
        graph.exchange(call, second)
    return better


def pad_inside(graph: Graph, call: Call, copies: Copies) -> bool:
    """Zeros before a convolution are its own padding, where that would be the same."""
    readers = graph.readers(call.output)
    if type(call.layer) not in _PADDINGS or not call.keeps_dtype:
        return False
    if not all(reader and _pads_alike(call, reader) for reader in readers):
        return False
    for reader in readers:
        reader.layer = copies.padded(reader.layer, call.input.shape)
    graph.bypass(call, call.input)
    return True


def _pads_alike(call: Call, reader: Call) -> bool:
    layer, rank = reader.layer, len(call.output.shape)
    if (
        reader.input is None
        or not reader.keeps_dtype
        or not linear.is_convolution(layer)
        or layer.padding != "valid"
        or linear.channel_axis(layer, rank) != linear.channel_axis(call.layer, rank)
    ):
        return False
    first = layer.data_format == "channels_first"
    sizes = call.input.shape[2:] if first else call.input.shape[1:-1]
    padding = call.layer.padding
    pairs = [padding] if isinstance(padding[0], int) else padding
    geometry = zip(
        sizes,
        layer.kernel_size,
        layer.strides,
        layer.dilation_rate,
        strict=True,
    )
    return None not in sizes and all(
        tuple(pair) == _same_padding(*axis)
        for pair, axis in zip(pairs, geometry, strict=True)
    )


def _same_padding(size: int, kernel: int, stride: int, dilation: int) -> tuple:
    """The zeros before and behind that `padding="same"` lays along one axis."""
    reach = (-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1
    total = max(reach - size, 0)
    return total // 2, total - total // 2
