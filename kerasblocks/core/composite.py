"""`Composite`: a block made of layers, its wiring told once and read four ways."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import keras
from keras import tree

from kerasblocks.core.block import Block
from kerasblocks.core.phantom import apart

Run = Callable[[keras.layers.Layer, Any], Any]
"""How a wiring runs a layer on an input: for its values, its spec, its graph."""


class Composite(Block):
    """A block whose output is that of layers run one after or beside another.

    A subclass makes its children in `__init__`, or in `build_children` where they
    depend on the input's shape, and tells in `wire` how they are connected. The
    same wiring then computes values (`call`), creates the children's weights
    (`build`), infers shapes and dtypes (`compute_output_spec`) and lets
    `kerasblocks.expand` retrace the block as plain Keras.

    Example:
        >>> class Doubled(Composite):
        ...     def __init__(self, layer, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.layer = layer
        ...
        ...     def wire(self, run, inputs):
        ...         return run(self.layer, run(self.layer, inputs))
        >>> block = Doubled(keras.layers.Dense(3))
        >>> block.build((None, 3))
        >>> block.compute_output_shape((8, 3)), block.count_params()
        ((8, 3), 12)
    """

    def wire(self, run: Run, inputs: Any) -> Any:
        """Connects the children: `run(layer, x)` stands for `layer(x)`."""
        raise NotImplementedError(f"{self._owner} must implement wire(run, inputs)")

    def call(self, inputs: Any) -> Any:
        return self.wire(call_layer, inputs)

    def build(self, input_shape: Any) -> None:
        """Creates every weight of the block, from the input's shape alone."""
        inputs = as_specs(input_shape, self.compute_dtype)
        # Asked for right after building, at each level of nesting.
        self._keep_untracked(_first_spec=(inputs, self.build_children(inputs)))
        # A convolution inside takes padding for values: Keras then warns of it.
        self.supports_masking = all(layer.supports_masking for layer in self._layers)
        if not self.trainable:
            # Freezes the children too. TensorFlow drops the assignment of a value
            # that an attribute has already.
            self.trainable = True
            self.trainable = False

    def build_children(self, inputs: Any) -> Any:
        """Builds the children on the spec of the input, a `KerasTensor`.

        Returns:
            The spec of the output.
        """
        return self.wire(build_layer, inputs)

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        if self.built:
            known, outputs = self.__dict__.pop("_first_spec", (None, None))
            if known is None or not _same_specs(known, inputs):
                outputs = self.wire(infer_spec, inputs)
            # Fresh ones: what an identity gives back belongs to another layer.
            return tree.map_structure(
                lambda spec: keras.KerasTensor(spec.shape, spec.dtype, spec.sparse),
                outputs,
            )

        def ask_a_copy() -> Any:
            copy = type(self).from_config(self.get_config())
            copy.build(as_shapes(inputs))
            return copy.compute_output_spec(inputs)

        # The question must not build the block, nor pay for its weights.
        return apart(ask_a_copy)

    def compute_output_shape(self, input_shape: Any) -> Any:
        specs = as_specs(input_shape, self.compute_dtype)
        return as_shapes(self.compute_output_spec(specs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """None: a mask that the last children pass on is on the outputs already."""


def call_layer(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Runs `layer` on tensors: the reader that computes values."""
    return layer(inputs)


def infer_spec(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Runs `layer` on `KerasTensor`s, leaving no node in any graph."""
    return layer.compute_output_spec(inputs)


def build_layer(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Creates the weights of `layer` for the spec of its input; infers its output.

    A layer may come in built: shared, or deserialized with its build shape.
    """
    if not layer.built:
        if type(layer).build is keras.layers.Layer.build:
            # No build of its own: sublayers, if any, are built by a trace of call.
            infer_spec(layer, inputs)
        if not layer.built:
            layer.build(as_shapes(inputs))
    return infer_spec(layer, inputs)


def _same_specs(one: Any, other: Any) -> bool:
    def key(spec: Any) -> tuple:
        return tuple(spec.shape), spec.dtype, spec.sparse

    return tree.map_structure(key, one) == tree.map_structure(key, other)


def as_specs(shapes: Any, dtype: Any) -> Any:
    """`KerasTensor`s of the given shapes, in the same structure."""
    return tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, dtype=dtype), shapes
    )


def as_shapes(specs: Any) -> Any:
    """The shapes of `KerasTensor`s, in the same structure."""
    return tree.map_structure(lambda spec: tuple(spec.shape), specs)


def layer_name(name: str) -> str:
    """The name of a layer that is called after a user's name.

    TensorFlow, which makes scopes of layers' names, refuses blanks and umlauts in them.

    Example:
        >>> layer_name("house value (€)")
        'house_value____'
    """
    return re.sub(r"[^A-Za-z0-9_.>-]", "_", name)
