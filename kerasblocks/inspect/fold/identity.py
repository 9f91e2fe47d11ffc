"""A rule of `fold`: layers that do nothing in inference are removed."""

from __future__ import annotations

from keras import layers

from kerasblocks.inspect.fold.linear import has_no_activation
from kerasblocks.inspect.fold.new_layers import NewLayers
from kerasblocks.inspect.graph import Call, Graph, is_masked

_IDENTITIES = (
    layers.ActivityRegularization,
    layers.AlphaDropout,
    layers.Dropout,
    layers.GaussianDropout,
    layers.GaussianNoise,
    layers.Identity,
    layers.SpatialDropout1D,
    layers.SpatialDropout2D,
    layers.SpatialDropout3D,
)


def drop_identity(graph: Graph, call: Call, _: NewLayers) -> bool:
    """Removes dropout, noise and the like, unless the layer stops a mask."""
    layer, x = call.layer, call.input
    identity = type(layer) in _IDENTITIES or (
        type(layer) is layers.Activation and has_no_activation(layer)
    )
    if not identity or (is_masked(x) and not layer.supports_masking):
        return False
    graph.bypass(call, x)
    return True
