"""`Composite`: a block made of layers. One function describes its wiring."""

from __future__ import annotations

import contextlib
import functools
import random
import threading
from collections.abc import Callable, Iterator
from typing import Any

import keras
from keras import tree

from kerasblocks.core._keras import sublayers, walk_layers
from kerasblocks.core.block import Block
from kerasblocks.core.without_values import without_values

Run = Callable[[keras.layers.Layer, Any], Any]
"""Runs a layer on an input, for the values, the spec or the graph of its output."""


class Composite(Block):
    """The base class for blocks: layers that are made of other layers.

    A subclass implements `wire(run, inputs)`, which connects its children. `run(layer,
    x)` stands for `layer(x)`. The same function then computes values (`call`), creates
    the weights (`build`), infers shapes and dtypes (`compute_output_spec`) and lets
    `kerasblocks.expand` retrace the block as plain Keras.

    Children that need no shape are made in `__init__`. Children that depend on the
    shape of their input are made in `wire`, with `child(name, make, ...)`.

    Every argument of `__init__` is kept as an attribute of the same name, or is a
    property of that name. `get_config` and `from_config` read these. No attribute may
    be called `children`: torch's modules have a method of that name.

    Args:
        **kwargs: `name`, `dtype`, `trainable` of the layer.

    Example:
        >>> class Twice(Composite):
        ...     def __init__(self, layer, **kwargs):
        ...         super().__init__(**kwargs)
        ...         self.layer = layer
        ...
        ...     def wire(self, run, inputs):
        ...         outputs = run(self.layer, run(self.layer, inputs))
        ...         back = self.child("back", self.make_back, inputs.shape[-1])
        ...         return run(back, outputs)
        ...
        ...     def make_back(self, size):
        ...         policy = self.dtype_policy
        ...         return keras.layers.Dense(size, name="back", dtype=policy)
        >>> block = Twice(keras.layers.Dense(4))
        >>> block.compute_output_shape((8, 4)), block.built
        ((8, 4), False)
        >>> block.build((None, 4))
        >>> block.back.units, block.count_params()
        (4, 40)
    """

    _child_names: tuple[str, ...] = ()

    def wire(self, run: Run, inputs: Any) -> Any:
        """Connects the children: `run(layer, x)` stands for `layer(x)`.

        Args:
            run: Runs a layer on a tensor or a structure of tensors.
            inputs: The block's input. It always has a shape and a dtype. It has values
                only when the block is called.

        Returns:
            The block's output, made from the results of `run`.
        """
        raise NotImplementedError(f"{self._owner} must implement wire(run, inputs)")

    def child(self, name: str, make: Callable[..., Any], *args: Any) -> Any:
        """Returns a child that depends on the input. It can be used only in `wire`.

        The first build makes the child and keeps it as the attribute `name`. If an
        unbuilt block infers its output shape, it makes the child only for that.

        Args:
            name: The attribute's name, which also names the child in saved weights.
            make: A function that returns a layer, a list or a dict of layers, or None.
            *args: The arguments of `make`.

        Returns:
            The result of `make`.
        """
        if self.built:
            if name not in self._child_names:
                raise ValueError(
                    f"{self._owner}: the child {name!r} is not among those of the "
                    f"build, {', '.join(map(repr, self._child_names)) or 'none'}; wire "
                    "must ask for the same children at each call"
                )
            return getattr(self, name)
        made = _TEMPORARY.of(self)
        if name not in made:
            if name in self.argument_names() or hasattr(Composite, name):
                raise ValueError(
                    f"{self._owner}: a child must have another name than {name!r}, "
                    "which is an argument or an attribute of every layer"
                )
            made[name] = make(*args)
        return made[name]

    def call(self, inputs: Any) -> Any:
        return self.wire(call_layer, inputs)

    def build(self, input_shape: Any) -> None:
        """Creates every weight of the block from the shape of its input."""
        inputs = as_specs(input_shape, self.compute_dtype)
        with _TEMPORARY.kept():
            made = _TEMPORARY.of(self)
            try:
                outputs = self.wire(build_layer, inputs)
            finally:  # A build that fails leaves no children.
                _TEMPORARY.forget(self)
        self._keep(_child_names=tuple(made))
        for name, children in made.items():
            setattr(self, name, children)
        # Keras asks for the output spec right after building, at each level.
        self._keep(_first_spec=(inputs, outputs))
        # With a child that ignores masks, Keras warns if the block gets a mask.
        self.supports_masking = self.supports_masking and all(
            layer.supports_masking for layer in sublayers(self)
        )
        if not self.trainable:
            # Freezes the new children too. TensorFlow skips the assignment of a value
            # that the attribute already has.
            self.trainable = True
            self.trainable = False

    def compute_output_spec(self, inputs: Any, **kwargs: Any) -> Any:
        known, outputs = self.__dict__.pop("_first_spec", (None, None))
        if known is None or not _same_specs(known, inputs):
            if self.built:
                outputs = self.wire(infer_spec, inputs)
            else:
                with _TEMPORARY.kept(), _random_state_restored():
                    outputs = self.wire(infer_spec, inputs)
        # New specs, because the output of an identity belongs to another layer.
        return tree.map_structure(
            lambda spec: keras.KerasTensor(spec.shape, spec.dtype, spec.sparse),
            outputs,
        )

    def compute_output_shape(self, input_shape: Any) -> Any:
        specs = as_specs(input_shape, self.compute_dtype)
        return as_shapes(self.compute_output_spec(specs))

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> None:
        """Returns None, because the children have put their masks on the outputs."""


def call_layer(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Runs `layer` on tensors: the reader that computes values."""
    return layer(inputs)


def infer_spec(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Runs `layer` on `KerasTensor`s: the reader that infers shapes and dtypes.

    It leaves no node in any graph, and an unbuilt layer stays unbuilt. If the class of
    an unbuilt layer does not declare its output shape, a copy of the layer is built
    without values and asked instead.
    """
    if _is_ready(layer):
        return layer.compute_output_spec(inputs)
    if all(map(_can_tell, walk_layers(layer))):
        try:
            return layer.compute_output_spec(inputs)
        except Exception:
            # What it declares may depend on what its build creates.
            if layer.built:
                raise
    return _ask_a_copy(layer, inputs)


def build_layer(layer: keras.layers.Layer, inputs: Any) -> Any:
    """Creates the weights of `layer` for the spec of its input, and infers its output.

    The layer may be built already: it is shared, or was deserialized with its shape.
    """
    if not layer.built:
        if type(layer).build is keras.layers.Layer.build:
            # Without a `build` of its own, a trace of `call` builds the sublayers.
            layer.compute_output_spec(inputs)
        if not layer.built:
            layer.build(as_shapes(inputs))
    return layer.compute_output_spec(inputs)


def _is_ready(layer: keras.layers.Layer) -> bool:
    """Whether a layer infers its output without a look at the layers inside it."""
    builds = type(layer).build is not keras.layers.Layer.build
    return isinstance(layer, Composite) or (layer.built and builds)


def _can_tell(layer: keras.layers.Layer) -> bool:
    """Whether a layer can infer its output shape without weights."""
    # The cell of an RNN declares nothing, but its RNN does.
    return layer.built or _declares(type(layer)) or hasattr(layer, "state_size")


@functools.cache
def _declares(cls: type[keras.layers.Layer]) -> bool:
    base = keras.layers.Layer
    return any(
        getattr(cls, method) is not getattr(base, method)
        for method in ("compute_output_shape", "compute_output_spec")
    )


def _ask_a_copy(layer: keras.layers.Layer, inputs: Any) -> Any:
    def ask() -> Any:
        if not copy:  # One copy serves all shapes; `Residual` tries dozens of sizes.
            copy["layer"] = type(layer).from_config(layer.get_config())
        return build_layer(copy["layer"], inputs)

    with _TEMPORARY.kept():
        copy = _TEMPORARY.of(layer)
        return without_values(ask)


class _TemporaryChildren(threading.local):
    """The children of unbuilt blocks, during one build or one question of a thread."""

    def __init__(self) -> None:
        self._by_id: dict[int, tuple[Any, dict[str, Any]]] | None = None

    @contextlib.contextmanager
    def kept(self) -> Iterator[None]:
        """Keeps them until the outermost context ends."""
        if self._by_id is not None:
            yield
            return
        self._by_id = {}
        try:
            yield
        finally:
            self._by_id = None

    def of(self, layer: Any) -> dict[str, Any]:
        """Those of one layer, by name."""
        if self._by_id is None:
            raise RuntimeError(f"{layer.name}: child() can be used only in wire()")
        # The layer is kept too: Python may give the id of a deleted layer to another.
        return self._by_id.setdefault(id(layer), (layer, {}))[1]

    def forget(self, layer: Any) -> None:
        """Forgets those of one layer."""
        if self._by_id is not None:
            self._by_id.pop(id(layer), None)


_TEMPORARY = _TemporaryChildren()


@contextlib.contextmanager
def _random_state_restored() -> Iterator[None]:
    """Restores Python's random state, from which initializers draw their seeds.

    A question about a block's shape must not change the initial weights of the block.
    """
    state = random.getstate()
    try:
        yield
    finally:
        random.setstate(state)


def _same_specs(one: Any, other: Any) -> bool:
    def key(spec: Any) -> tuple:
        return tuple(spec.shape), spec.dtype, spec.sparse

    return tree.map_structure(key, one) == tree.map_structure(key, other)


def as_specs(shapes: Any, dtype: Any) -> Any:
    """Returns `KerasTensor`s of the given shapes, in the same structure."""
    return tree.map_shape_structure(
        lambda shape: keras.KerasTensor(shape, dtype=dtype), shapes
    )


def as_shapes(specs: Any) -> Any:
    """Returns the shapes of `KerasTensor`s, in the same structure."""
    return tree.map_structure(lambda spec: tuple(spec.shape), specs)
