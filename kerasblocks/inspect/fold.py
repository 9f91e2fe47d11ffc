"""`fold`: a model for inference, without what inference can do without."""

from __future__ import annotations

import itertools
from typing import Any

import keras

from kerasblocks.inspect.expand import expand
from kerasblocks.inspect.folding.copies import Copies
from kerasblocks.inspect.folding.graph import Call, Graph
from kerasblocks.inspect.folding.rules import apply_rules
from kerasblocks.inspect.functional import as_functional, is_graph


def fold(model: keras.Model) -> keras.Model:
    """Makes a model for inference: fewer layers, the same outputs but for rounding.

    - Batch normalization goes into the convolution or `Dense` before it, also through
      pooling and concatenation, or into those after it.
    - What does nothing in inference is left out: dropout, noise, identities.
    - Zero padding goes into the convolution after it, and average pooling changes
      places with a 1x1 convolution, where that is the same and less work.

    What cannot be folded exactly is left as it is: a convolution with an activation of
    its own or with other readers, quantized layers, layers with constraints, layers
    called with `training=True`, subclasses. Blocks are opened, as by `expand`; nested
    models stay nested, folded inside.

    The model itself is not changed, but for the names of layers inside blocks, as by
    `expand`. A layer with other weights is a new layer; one that is left alone is the
    same in both models, so train neither afterwards, but fold anew, and its `.output`
    is that of the model itself: for features, cut the model and then fold.

    Args:
        model: A built Functional or Sequential model, of blocks or not.

    Returns:
        A Functional model, which loads without this package.

    Raises:
        TypeError: `model` is not a Keras model, or a layer that is not of this package
            hides a block in its own call.
        ValueError: the model is not Functional and not Sequential, or not built.

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
    if not isinstance(model, keras.Model):
        raise TypeError(f"fold: 'model' must be a Keras model, got {model!r}")
    return _Folding().fold(expand(as_functional("fold", model)))


class _Folding:
    """One run of `fold`: the models folded already, and the names that are taken."""

    def __init__(self) -> None:
        self._copies = Copies()
        self._models: dict[int, tuple[Any, Any]] = {}  # by id: the model, folded
        self._names: set[str] = set()

    def fold(self, model: keras.Model) -> keras.Model:
        return self._fold(model)[0]

    def _fold(self, model: keras.Model) -> tuple[keras.Model, bool]:
        """The folded model, and whether there was anything to fold."""
        graph = Graph(model)
        nested = [self._fold_nested(call) for call in graph.calls]
        changed = apply_rules(graph, self._copies) or any(nested)
        self._rename(graph.layers)
        return graph.replay(), changed

    def _fold_nested(self, call: Call) -> bool:
        model = call.layer
        if not isinstance(model, keras.Model) or not is_graph(model):
            return False
        if call.kwargs.get("training"):
            return False
        if id(model) not in self._models:
            folded, changed = self._fold(model)
            self._models[id(model)] = model, folded if changed else model
        call.layer = self._models[id(model)][1]
        return call.layer is not model

    def _rename(self, layers: list[Any]) -> None:
        """Names the new layers apart from those that stay, which keep their names."""
        ours = {id(layer) for layer in self._copies}
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
