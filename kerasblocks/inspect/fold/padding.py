"""A rule of `fold`: zero padding becomes the padding of the convolution after it."""

from __future__ import annotations

from keras import layers

from kerasblocks.inspect.fold.linear import channel_axis, is_convolution
from kerasblocks.inspect.fold.new_layers import NewLayers
from kerasblocks.inspect.graph import Call, Graph

_PADDINGS = (layers.ZeroPadding1D, layers.ZeroPadding2D, layers.ZeroPadding3D)


def fold_padding(graph: Graph, call: Call, new_layers: NewLayers) -> bool:
    """Removes zero padding where `padding="same"` in all readers does the same."""
    readers = graph.readers(call.output)
    if type(call.layer) not in _PADDINGS:
        return False
    if not all(reader and _pads_alike(call, reader) for reader in readers):
        return False
    for reader in readers:
        reader.layer = new_layers.with_padding(reader.layer, call.input.shape)
    graph.bypass(call, call.input)
    return True


def _pads_alike(call: Call, reader: Call) -> bool:
    layer, rank = reader.layer, len(call.output.shape)
    if (
        not reader.is_simple
        or not is_convolution(layer)
        or layer.padding != "valid"
        or channel_axis(layer, rank) != channel_axis(call.layer, rank)
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
    """The zeros that `padding="same"` adds before and after the input on one axis."""
    reach = (-(-size // stride) - 1) * stride + dilation * (kernel - 1) + 1
    total = max(reach - size, 0)
    return total // 2, total - total // 2
