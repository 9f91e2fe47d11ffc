"""`expand`: a model of blocks as a plain Functional model with the same weights."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import made_by, mask_of, walk_layers
from kerasblocks.core.block import Block
from kerasblocks.core.composite import Composite
from kerasblocks.inspect.functional import as_functional


def expand(model: keras.Model) -> keras.Model:
    """Retraces a model through its blocks into plain Keras layers and ops.

    The result has the same inputs, outputs and weights (the same objects), names no
    class of this package and so loads without it. It can be plotted, counted, cut
    open at any layer and exported like any other Functional model. Training either
    model trains both.

    The layers inside a block are renamed after it, by block and role:
    `residual_block__projection` is the projection of `residual_block`. (Not with a
    slash or a dot: Keras refuses to load the one, torch the other.) A nested model
    stays a nested model, expanded if it holds a block. The result is not compiled.

    Args:
        model: A built Functional or Sequential model.

    Returns:
        A Functional model.

    Raises:
        TypeError: `model` is not a Keras model, or a layer that is not of this package
            hides a block in its own call.
        ValueError: the model is not Functional and not Sequential, or not built.

    Example:
        >>> import kerasblocks as kb
        >>> inputs = keras.Input((32, 32, 16))
        >>> model = keras.Model(inputs, kb.Residual(keras.layers.Dense(16))(inputs))
        >>> [layer.name for layer in expand(model).layers][1:]
        ['residual__dense', 'residual__add']
    """
    if not isinstance(model, keras.Model):
        raise TypeError(f"expand: 'model' must be a Keras model, got {model!r}")
    return _Expansion().expand(model)


class _Expansion:
    """One run of `expand`: what was expanded and renamed already, and stray masks.

    A mask travels on a tensor, from layer to layer. Where a block of plain operations
    becomes those operations, it would be lost: it is computed and handed to the next
    layer that takes one.
    """

    def __init__(self) -> None:
        self._models: dict[int, keras.Model] = {}
        self._renamed: set[int] = set()
        self._names: set[str] = set()
        self._masks: dict[int, tuple[Any, Any]] = {}  # by id: the tensor, its mask

    def expand(self, model: keras.Model) -> keras.Model:
        if id(model) not in self._models:
            self._models[id(model)] = self._retrace(model)
        return self._models[id(model)]

    def _retrace(self, model: keras.Model) -> keras.Model:
        plain = as_functional("expand", model)
        return keras.models.clone_model(
            plain,
            # The same input tensors: so any layer's output can be reached from them.
            input_tensors=plain.input,
            clone_function=lambda layer: layer,
            call_function=self._call,
        )

    def _call(self, layer: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls a layer or operation of the model's graph on `KerasTensor`s."""
        if isinstance(layer, Block):
            training = kwargs.get("training")
            return self._open(layer, args[0], prefix="", training=training)
        if kwargs.get("mask", ...) is None:
            # Keras noted it, found none, and gives it to layers that refuse it.
            del kwargs["mask"]
        return self._run(self._plain(layer), *args, **kwargs)

    def _open(self, layer: Any, inputs: Any, *, prefix: str, training: Any) -> Any:
        """Runs a layer that stands in a block named `prefix`, or nowhere for ""."""
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
        """Calls a plain layer, with the mask that no tensor brings to it."""
        stray = args and any(id(x) in self._masks for x in tree.flatten(args[0]))
        takes_mask = "mask" in inspect.signature(layer.call).parameters
        if stray and takes_mask and "mask" not in kwargs:
            kwargs["mask"] = tree.map_structure(self._mask, args[0])
        outputs = layer(*args, **kwargs)
        if stray and not takes_mask and getattr(layer, "supports_masking", False):
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
        """Names what was run between two structures of tensors after the block.

        Keras counts the names that it gives: of a model that was loaded, they are
        those that it would give again.
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
            while layer.name in self._names:  # of two children by one name
                layer.name += "_"
        self._renamed.add(id(layer))
        self._names.add(layer.name)
        return layer


def _holds_block(layer: Any) -> bool:
    return any(isinstance(child, Block) for child in walk_layers(layer))
