"""A rule of `fold`: average pooling and a 1x1 convolution in the cheaper order."""

from __future__ import annotations

from math import prod

from kerasblocks.inspect.fold.linear import (
    AVERAGES,
    channel_axis,
    has_no_activation,
    is_pointwise,
)
from kerasblocks.inspect.fold.new_layers import NewLayers
from kerasblocks.inspect.graph import Call, Graph, is_masked


def pool_first_or_last(graph: Graph, call: Call, _: NewLayers) -> bool:
    """Swaps average pooling and a 1x1 convolution where that is less work.

    The two commute. The convolution should come first if it leaves fewer channels to
    pool, and the pooling first if it leaves fewer positions to convolve.
    """
    second = graph.only_reader(call.output)
    if second is None or not second.is_simple or is_masked(call.input):
        return False
    if type(call.layer) in AVERAGES:
        pool, convolution = call.layer, second.layer
    else:
        pool, convolution = second.layer, call.layer
    if (
        type(pool) not in AVERAGES
        or not is_pointwise(convolution)
        or not has_no_activation(convolution)
        or convolution.data_format != pool.data_format
    ):
        return False
    strided = prod(pool.strides) > 1
    channels = call.output.shape[channel_axis(pool, len(call.output.shape))]
    if pool is call.layer:
        better = not strided and convolution.filters < channels
    else:
        better = strided
    if better:
        graph.exchange(call, second)
    return better
