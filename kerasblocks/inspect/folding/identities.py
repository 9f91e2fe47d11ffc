"""Layers that do nothing in inference."""

from __future__ import annotations

from keras import layers

from kerasblocks.inspect.folding import linear
from kerasblocks.inspect.folding.copies import Copies
from kerasblocks.inspect.folding.graph import Call, Graph, is_masked

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


def drop_identity(graph: Graph, call: Call, copies: Copies) -> bool:
    """Dropout, noise and the like let everything through."""
    layer, x = call.layer, call.input
    identity = type(layer) in _IDENTITIES or (
        type(layer) is layers.Activation and linear.has_no_activation(layer)
    )
    # One of another dtype casts, and one that knows no masks stops them.
    stops = is_masked(x) and not layer.supports_masking
    if not identity or stops or not call.keeps_dtype:
        return False
    graph.bypass(call, x)
    return True
