"""How a trace runs the layers of Keras that cannot run on symbolic tensors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import keras
from keras import layers, tree

if TYPE_CHECKING:
    from kerasblocks.inspect.tracing.trace import Rule, Trace

WITHOUT_PRODUCTS = frozenset(
    """
    AlphaDropout AugMix AutoContrast BatchNormalization CategoryEncoding CenterCrop
    ContrastLimitedAdaptiveHistogramEqualization CutMix Discretization Dropout
    Equalization GaussianDropout GaussianNoise HashedCrossing Hashing IntegerLookup
    MaxNumBoundingBoxes MixUp Normalization RandAugment RandomBrightness
    RandomColorDegeneration RandomColorJitter RandomContrast RandomCrop
    RandomElasticTransform RandomErasing RandomFlip RandomGaussianBlur
    RandomGrayscale RandomHue RandomInvert RandomPerspective RandomPosterization
    RandomRotation RandomSaturation RandomSharpness RandomShear RandomTranslation
    RandomZoom Rescaling Resizing Softmax Solarization SpatialDropout1D
    SpatialDropout2D SpatialDropout3D StringLookup TextVectorization
    """.split()  # noqa: SIM905
)
"""Layers of Keras' own, by name, that look up, work by element, or augment only in
training: they have no convolutions or matrix products to count."""


_WANTING_VALUES = (
    keras.activations.hard_silu,
    keras.activations.mish,
    keras.activations.sparsemax,
)


def rule_for(layer: Any) -> Rule | None:
    """The rule for a layer that needs one, else None.

    Example:
        >>> rule_for(layers.LSTM(3)).__name__, rule_for(layers.Dense(3))
        ('_recurrent', None)
    """
    if any(value in _WANTING_VALUES for value in _functions(layer).values()):
        return _without_activation
    for kind, rule in _RULES:
        if isinstance(layer, kind):
            return rule
    name = type(layer).__name__
    if name in WITHOUT_PRODUCTS and type(layer) is getattr(layers, name, None):
        return _inferred
    return None


def _functions(layer: Any) -> dict[str, Any]:
    return {name: value for name, value in vars(layer).items() if callable(value)}


def _without_activation(
    trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]
) -> Any:
    """The layer with the identity for an activation that wants values."""
    replaced = {
        name: value
        for name, value in _functions(layer).items()
        if value in _WANTING_VALUES
    }
    vars(layer).update(dict.fromkeys(replaced, keras.activations.linear))
    try:
        return layer.call(*args, **kwargs)
    finally:
        vars(layer).update(replaced)


def _inferred(trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return trace.infer(layer, args, kwargs)


def _recurrent(trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The cell on one of the time steps."""
    batch, steps, *rest = args[0].shape
    states = tree.map_structure(
        lambda x: keras.KerasTensor((batch, *x.shape[1:]), dtype=layer.compute_dtype),
        layer.get_initial_state(batch or 1),
    )
    step = keras.KerasTensor((batch, *rest), dtype=args[0].dtype)
    trace.repeat(steps, layer.cell, step, states)
    return trace.infer(layer, args, kwargs)


def _bidirectional(
    trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]
) -> Any:
    for one in layer.forward_layer, layer.backward_layer:
        trace.repeat(1, one, args[0])
    return trace.infer(layer, args, kwargs)


def _over_time(trace: Trace, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """The layer on one of the time steps."""
    batch, steps, *rest = args[0].shape
    step = keras.KerasTensor((batch, *rest), dtype=args[0].dtype)
    trace.repeat(steps, layer.layer, step)
    return trace.infer(layer, args, kwargs)


_RULES: tuple[tuple[type, Rule], ...] = (
    (layers.RNN, _recurrent),
    (layers.Bidirectional, _bidirectional),
    (layers.TimeDistributed, _over_time),
)
