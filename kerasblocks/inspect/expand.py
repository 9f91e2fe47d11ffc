"""`expand`: a model of blocks as a plain Functional model with the same weights."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import made_by, mask_of, walk_layers
from kerasblocks.core.block import Block
from kerasblocks.core.composite import Composite
from kerasblocks.inspect.graph import as_functional, retrace


def expand(model: keras.Model) -> keras.Model:
    """Replaces the blocks of a model by the Keras layers and operations inside them.

    The result has the same inputs and outputs, and its layers are those of the model,
    so that training either model trains both. It contains no class of this package and
    loads without it. It can be plotted, cut at any layer and exported like any other
    Functional model. It is not compiled.

    The layers inside a block are renamed after the block and their role:
    `residual_block__projection` is the projection of `residual_block`. (A slash would
    keep Keras from loading the model, and a dot torch.) Nested models stay nested, and
    are expanded if they hold a block.

    Args:
        model: A built Functional or Sequential model.

    Returns:
        A Functional model.

    Raises:
        TypeError: `model` is not a Keras model, or a layer that is not of this package
            hides a block in its own call.
        ValueError: the model is not built, or is neither Functional nor Sequential.

    Example:
        >>> import kerasblocks as kb
        >>> inputs = keras.Input((32, 32, 16))
        >>> dense = keras.layers.Dense(16, name="dense")
        >>> model = keras.Model(inputs, kb.Residual(dense, name="stage")(inputs))
        >>> [layer.name for layer in expand(model).layers][1:]
        ['stage__dense', 'stage__merge']
    """
    return _Expansion().expand(model)


class _Expansion:
    """One run of `expand`: the models expanded so far, the names in use, the masks.

    Keras keeps the mask of a tensor on the tensor, and its operations lose it. Where a
    block becomes plain operations, this class computes the block's mask and passes it
    to the next layer that takes one.
    """

    def __init__(self) -> None:
        self._models: dict[int, keras.Model] = {}
        self._renamed: set[int] = set()
        self._names: set[str] = set()
        self._masks: dict[int, tuple[Any, Any]] = {}  # by id: the tensor, its mask

    def expand(self, model: keras.Model) -> keras.Model:
        if id(model) not in self._models:
            plain = as_functional("expand", model)
            self._models[id(model)] = retrace(plain, self._call)
        return self._models[id(model)]

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls a layer or operation of the model on symbolic tensors."""
        if isinstance(layer, Block):
            training = kwargs.get("training")
            return self._open(layer, args[0], prefix="", training=training)
        return self._run(self._plain(layer), *args, **kwargs)

    def _open(self, layer: Any, inputs: Any, *, prefix: str, training: Any) -> Any:
        """Calls a layer inside the block `prefix`; "" means outside of any block."""
        if not isinstance(layer, Block):
            options = {} if training is None else {"training": training}
            return self._run(
                self._rename(self._plain(layer), prefix), inputs, **options
            )
        inner = f"{prefix}__{layer.name}" if prefix else layer.name
        uncast = inputs
        inputs = tree.map_structure(lambda x: self._autocast(layer, x), uncast)
        if not isinstance(layer, Composite):
            outputs = layer.call(inputs)
            self._name_operations(inner, uncast, outputs)
            self._carry_mask(layer, inputs, outputs, inner)
            return outputs
        self._name_operations(inner, uncast, inputs)
        return layer.wire(
            lambda child, x: self._open(child, x, prefix=inner, training=training),
            inputs,
        )

    def _run(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls a plain layer, with the masks of its inputs that Keras has lost."""
        lost = args and any(id(x) in self._masks for x in tree.flatten(args[0]))
        takes_mask = "mask" in inspect.signature(layer.call).parameters
        if lost and takes_mask and "mask" not in kwargs:
            kwargs["mask"] = tree.map_structure(self._mask, args[0])
        outputs = layer(*args, **kwargs)
        if lost and not takes_mask and getattr(layer, "supports_masking", False):
            self._carry_mask(layer, args[0], outputs, layer.name)
        return outputs

    def _mask(self, x: Any) -> Any:
        return self._masks.get(id(x), (x, mask_of(x)))[1]

    def _carry_mask(self, layer: Any, inputs: Any, outputs: Any, name: str) -> None:
        masks = tree.map_structure(self._mask, inputs)
        if all(mask is None for mask in tree.flatten(masks)):
            return
        carried = layer.compute_mask(inputs, masks)
        if carried is not None:
            self._name_operations(name, [inputs, masks], carried)
            for x, mask in zip(
                tree.flatten(outputs), tree.flatten(carried), strict=True
            ):
                self._masks[id(x)] = (x, mask)

    def _autocast(self, layer: keras.layers.Layer, x: Any) -> Any:
        """Casts as `Layer.__call__` does before `call`."""
        floating = keras.backend.is_float_dtype(x.dtype)
        if not layer.autocast or not floating or x.dtype == layer.input_dtype:
            return x
        cast = keras.ops.cast(x, layer.input_dtype)
        if self._mask(x) is not None:
            self._masks[id(cast)] = (cast, self._mask(x))
        return cast

    def _plain(self, layer: Any) -> Any:
        """The layer itself, or a nested model that holds a block, expanded."""
        if not _holds_block(layer):
            return layer
        if isinstance(layer, keras.Model):
            return self.expand(layer)
        raise TypeError(
            f"expand: the layer {layer.name!r} ({type(layer).__name__}) has a block "
            "inside its own call; only blocks and models can be opened"
        )

    def _name_operations(self, prefix: str, inputs: Any, outputs: Any) -> None:
        """Names the operations that lead from `inputs` to `outputs` after the block.

        The names that Keras gives are numbered, and those in a loaded model are likely
        to be given again.
        """
        known = {id(x) for x in tree.flatten(inputs)}
        waiting = [x for x in tree.flatten(outputs) if x is not None]
        while waiting:
            x = waiting.pop()
            if id(x) in known or not isinstance(x, keras.KerasTensor):
                continue
            known.add(id(x))
            operation, read = made_by(x)
            if not isinstance(operation, keras.layers.Layer):
                self._rename(operation, prefix)
                waiting += read

    def _rename(self, layer: Any, prefix: str) -> Any:
        if (
            not isinstance(layer, keras.Model)
            and id(layer) not in self._renamed
            and not layer.name.startswith(f"{prefix}__")
        ):
            layer.name = f"{prefix}__{layer.name}"
            while layer.name in self._names:  # two children have the same name
                layer.name += "_"
        self._renamed.add(id(layer))
        self._names.add(layer.name)
        return layer


def _holds_block(layer: Any) -> bool:
    return any(isinstance(child, Block) for child in walk_layers(layer))
