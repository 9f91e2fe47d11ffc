"""`fold`: a smaller model for inference, and the list of the rules that make it."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import keras

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.fold.batch_norm import (
    fold_around_relu,
    fold_into_producer,
    fold_into_readers,
)
from kerasblocks.inspect.fold.identity import drop_identity
from kerasblocks.inspect.fold.new_layers import NewLayers
from kerasblocks.inspect.fold.padding import fold_padding
from kerasblocks.inspect.fold.pooling import pool_first_or_last
from kerasblocks.inspect.graph import Call, Graph, as_functional, is_graph

Rule = Callable[[Graph, Call, NewLayers], bool]
"""Changes the graph around one call if that saves work; returns whether it did.

The outputs must stay the same up to rounding. The call is a simple one: from one tensor
to one tensor of the same dtype. A rule asks `NewLayers` for layers with other weights.
"""

RULES: tuple[Rule, ...] = (
    drop_identity,
    fold_into_producer,
    fold_into_readers,
    fold_around_relu,
    pool_first_or_last,
    fold_padding,
)
"""In the order in which they are tried."""


def fold(model: keras.Model) -> keras.Model:
    """Makes a model for inference: fewer layers, the same outputs up to rounding.

    - Batch normalization goes into the convolution or `Dense` layer before it, also
      through pooling and concatenation, or into the layers after it.
    - Layers that do nothing in inference are removed: dropout, noise, identities.
    - Zero padding goes into the convolution after it. Average pooling and a 1x1
      convolution are swapped. Both happen only where the result is the same and is
      less work.

    What cannot be folded exactly is left as it is: a convolution that has an activation
    of its own or whose output is read elsewhere, quantized layers, layers with
    constraints, layers called with `training=True`, subclasses of Keras' layers. Blocks
    are opened, as by `expand`. Nested models stay nested and are folded inside.

    The model itself is not changed, except that layers inside blocks are renamed, as by
    `expand`. A layer that needs other weights is replaced by a new layer. All other
    layers are shared by both models, so do not train either of them afterwards: train
    the model first, then fold it. To extract features, cut the model first, then fold
    it, because the `.output` of a shared layer belongs to the original model.

    Args:
        model: A built Functional or Sequential model, with or without blocks.

    Returns:
        A Functional model, which loads without this package.

    Raises:
        TypeError: `model` is not a Keras model, or a layer that is not of this package
            hides a block in its own call.
        ValueError: the model is not built, or is neither Functional nor Sequential.

    Example:
        >>> import kerasblocks as kb
        >>> inputs = keras.Input((32, 32, 3))
        >>> x = kb.ConvBlock(8, 3, normalization="batch", name="stem")(inputs)
        >>> model = keras.Model(inputs, keras.layers.Dropout(0.5)(x))
        >>> [layer.name for layer in fold(model).layers][1:]
        ['stem__convolution', 'stem__activation']

    References:
        Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
        Integer-Arithmetic-Only Inference", section 3.2: batch norm in the weights.
    """
    return _Folding().fold(expand(as_functional("fold", model)))


class _Folding:
    """One run of `fold`: the models that are folded already, and the names in use."""

    def __init__(self) -> None:
        self._new_layers = NewLayers()
        self._models: dict[int, tuple[Any, Any]] = {}  # by id: the model, folded
        self._names: set[str] = set()

    def fold(self, model: keras.Model) -> keras.Model:
        return self._fold(model)[0]

    def _fold(self, model: keras.Model) -> tuple[keras.Model, bool]:
        """The folded model, and whether anything was folded."""
        graph = Graph("fold", model)
        nested = [self._fold_nested(call) for call in graph.calls]
        changed = self._apply_rules(graph) or any(nested)
        self._rename(graph.layers)
        return graph.replay(), changed

    def _fold_nested(self, call: Call) -> bool:
        model = call.layer
        if not is_graph(model) or call.kwargs.get("training"):
            return False
        if id(model) not in self._models:
            folded, changed = self._fold(model)
            self._models[id(model)] = model, folded if changed else model
        call.layer = self._models[id(model)][1]
        return call.layer is not model

    def _apply_rules(self, graph: Graph) -> bool:
        """Applies the rules to all calls until nothing changes any more."""
        changed = [self._apply_a_rule(graph, call) for call in list(graph.calls)]
        if any(changed):
            self._apply_rules(graph)
        return any(changed)

    def _apply_a_rule(self, graph: Graph, call: Call) -> bool:
        if call not in graph.calls or not call.is_simple:
            return False
        return any(rule(graph, call, self._new_layers) for rule in RULES)

    def _rename(self, layers: list[Any]) -> None:
        """Gives new layers names that are free; the other layers keep theirs."""
        ours = {id(layer) for layer in self._new_layers}
        ours |= {id(new) for old, new in self._models.values() if new is not old}
        new = [x for x in layers if id(x) in ours or not isinstance(x, keras.Operation)]
        taken = {layer.name for layer in layers if layer not in new}
        self._names |= taken
        for layer in new:
            layer.name = self._free(layer.name, taken)
            taken.add(layer.name)
        self._names |= taken

    def _free(self, name: str, taken: set[str]) -> str:
        if name not in taken:
            return name
        names = (f"{name}_{i}" for i in itertools.count(1))
        return next(other for other in names if other not in self._names | taken)
