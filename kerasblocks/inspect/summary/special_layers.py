"""How to run the Keras layers that cannot run on symbolic tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import keras
from keras import layers, tree


class Tracer(Protocol):
    """What a rule may ask of the trace that it runs a layer for."""

    def repeat(self, times: int | None, layer: Any, *inputs: Any) -> Any:
        """Runs `layer` once, and counts it `times` times."""

    def infer(self, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
        """The output of `layer`, without tracing what it runs."""


Rule = Callable[[Tracer, Any, tuple, dict[str, Any]], Any]
"""Runs a layer on the given arguments and returns its symbolic output."""

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
"""Keras layers, by name, that have no convolutions or matrix products to count.

They look values up, work elementwise, or augment in training only.
"""

_NEED_VALUES = (
    keras.activations.hard_silu,
    keras.activations.mish,
    keras.activations.sparsemax,
)
"""Activations that do not run on symbolic tensors."""


def rule_for(layer: Any) -> Rule | None:
    """The rule that runs a layer; None for a layer whose own `call` can run.

    Example:
        >>> rule_for(layers.LSTM(3)).__name__, rule_for(layers.Dense(3))
        ('_recurrent', None)
    """
    if any(value in _NEED_VALUES for value in _functions(layer).values()):
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
    trace: Tracer, layer: Any, args: tuple, kwargs: dict[str, Any]
) -> Any:
    """Runs the layer without the activations that need values."""
    replaced = {
        name: value
        for name, value in _functions(layer).items()
        if value in _NEED_VALUES
    }
    vars(layer).update(dict.fromkeys(replaced, keras.activations.linear))
    try:
        return layer.call(*args, **kwargs)
    finally:
        vars(layer).update(replaced)


def _inferred(trace: Tracer, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    return trace.infer(layer, args, kwargs)


def _recurrent(trace: Tracer, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Runs the cell on one time step."""
    batch, steps, *rest = args[0].shape
    states = tree.map_structure(
        lambda x: keras.KerasTensor((batch, *x.shape[1:]), dtype=layer.compute_dtype),
        layer.get_initial_state(batch or 1),
    )
    step = keras.KerasTensor((batch, *rest), dtype=args[0].dtype)
    trace.repeat(steps, layer.cell, step, states)
    return trace.infer(layer, args, kwargs)


def _bidirectional(
    trace: Tracer, layer: Any, args: tuple, kwargs: dict[str, Any]
) -> Any:
    for one in layer.forward_layer, layer.backward_layer:
        trace.repeat(1, one, args[0])
    return trace.infer(layer, args, kwargs)


def _over_time(trace: Tracer, layer: Any, args: tuple, kwargs: dict[str, Any]) -> Any:
    """Runs the layer inside on one time step."""
    batch, steps, *rest = args[0].shape
    step = keras.KerasTensor((batch, *rest), dtype=args[0].dtype)
    trace.repeat(steps, layer.layer, step)
    return trace.infer(layer, args, kwargs)


_RULES: tuple[tuple[type, Rule], ...] = (
    (layers.RNN, _recurrent),
    (layers.Bidirectional, _bidirectional),
    (layers.TimeDistributed, _over_time),
)
