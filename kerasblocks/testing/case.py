"""A case: how to make the layer that is held to the contract, and what to feed it."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np
from hypothesis import find, settings
from keras import tree

from kerasblocks.testing.code import layer_code
from kerasblocks.testing.configs import configs
from kerasblocks.testing.layer import (
    acts_unless_told,
    constructor_arguments,
    custom_objects,
)

# What a None in the input shape becomes, the first that the layer takes.
_SIZES = (6, 8, 16, 32, 224)
_INT_RANGES = ((0, 8), (0, 2), (1, 2))


@dataclass(frozen=True)
class Input:
    """One input: its shape, the batch (None) first, and its dtype."""

    shape: tuple[int | None, ...]
    dtype: str

    @property
    def is_float(self) -> bool:
        """Whether the values are floats (bfloat16 too)."""
        return keras.backend.is_float_dtype(self.dtype)


class Case:
    """A layer to check: a factory, the shapes and dtypes of what it is fed.

    Make one with `case(...)`, which tells what the arguments are.
    """

    def __init__(
        self,
        factory: Callable[..., keras.layers.Layer],
        input_shape: Any,
        input_dtype: Any = "float32",
        *,
        arguments: Mapping[str, Any] | None = None,
        space: Callable[..., Mapping[str, Any]] | None = None,
        input_range: tuple[int, int] | None = None,
        expected_failures: Mapping[str, str] | None = None,
        name: str | None = None,
        seed: int = 0,
    ):
        if not callable(factory) or isinstance(factory, keras.layers.Layer):
            raise TypeError(
                "case: 'factory' must be a class or a function that makes a new layer "
                f"each time, got {factory!r}"
            )
        self.factory = factory
        self.space = space
        self.given = dict(arguments or {})
        self.seed = seed
        self.expected_failures = dict(expected_failures or {})
        self.positional = _is_many(input_shape)
        self.inputs = _inputs(input_shape, input_dtype)
        self.input_range = input_range
        self.arguments = dict(self.given)
        if space is not None:
            # No example is simpler than the first that Hypothesis finds for True.
            simplest = find(
                configs(space),
                lambda config: True,
                settings=settings(database=None, deadline=None),
            )
            self.arguments = {**simplest, **self.given}
        self._name = name
        self._prepared = False

    def __repr__(self) -> str:
        return f"case({self.name})"

    @property
    def name(self) -> str:
        """The name given, or else that of the factory."""
        if self._name is not None:
            return self._name
        name = getattr(self.factory, "__name__", type(self.factory).__name__)
        return self.layer_class.__name__ if name == "<lambda>" else name

    @property
    def layer_class(self) -> type[keras.layers.Layer]:
        """The class of the layers that the factory makes."""
        if inspect.isclass(self.factory):
            return self.factory
        if not hasattr(self, "_layer_class"):
            self._layer_class = type(self.make())
        return self._layer_class

    def with_arguments(self, arguments: Mapping[str, Any]) -> Case:
        """The same case with other constructor arguments, and no space."""
        other = copy.copy(self)
        other.arguments = {**arguments, **self.given}
        other.space, other._prepared = None, False
        return other

    # How to make a layer.

    def make(self, **over: Any) -> keras.layers.Layer:
        """A new layer, with these constructor arguments in place of its own.

        Arguments go to the factory where it takes them, else through the config of a
        layer that it made.

        Raises:
            TypeError, ValueError: the constructor refuses the arguments.
        """
        arguments = {**self.arguments, **over}
        if not over or _binds(self.factory, arguments):
            try:
                return self._check_layer(self.factory(**arguments))
            except TypeError as error:
                if not over or "multiple values" not in str(error):
                    raise
        layer = self._check_layer(self.factory(**self.arguments))
        with custom_objects(layer):
            return type(layer).from_config({**layer.get_config(), **over})

    def make_seeded(self, **over: Any) -> keras.layers.Layer:
        """A layer with the same random values each time."""
        keras.utils.set_random_seed(self.seed + 1)
        return self.make(**over)

    def make_like(self, layer: keras.layers.Layer, **over: Any) -> keras.layers.Layer:
        """Another layer, built for the sample, with the weights of this one."""
        other = self.make_seeded(**over)
        self(other, self.sample())
        other.set_weights(layer.get_weights())
        return other

    def takes(self, argument: str) -> bool:
        """Whether the layer's constructor takes an argument of this name."""
        return argument in constructor_arguments(self.layer_class)

    def code(self, **over: Any) -> list[str]:
        """Lines of Python that make such a layer, in the name `layer`."""
        return layer_code(self.factory, {**self.arguments, **over}, self.make)

    # What to feed it.

    def __call__(self, layer: keras.layers.Layer, inputs: Any, **kwargs: Any) -> Any:
        """The layer's output for these inputs, at inference unless told otherwise."""
        if "training" not in kwargs and acts_unless_told(layer, inputs):
            kwargs["training"] = False
        return layer(*inputs, **kwargs) if self.positional else layer(inputs, **kwargs)

    def build(self, layer: keras.layers.Layer) -> None:
        """Call the layer's `build` with the shapes of the sample, the batch None."""
        shapes = tree.map_structure(
            lambda array: (None, *array.shape[1:]), self.sample()
        )
        if not self.positional:
            layer.build(shapes)
            return
        # A build that takes fewer shapes is given the first, as Keras does.
        taken = inspect.signature(layer.build).parameters.values()
        several = any(each.kind is each.VAR_POSITIONAL for each in taken)
        layer.build(*(shapes if several else shapes[: len(taken)]))

    def sample(
        self,
        batch: int = 2,
        *,
        seed: int = 0,
        sizes: Mapping[tuple[int, int | None], int] | None = None,
        fill: float | None = None,
        scale: float = 1.0,
    ) -> Any:
        """Arrays of the input shape.

        Args:
            batch: The batch size.
            seed: Other seeds, other values.
            sizes: A size for some `(axis, declared size)`, as in `case.axes`.
            fill: The one value of all floats, in place of random ones.
            scale: What normal random floats are multiplied by.
        """
        self._prepare()
        generator = np.random.default_rng((self.seed, seed))
        whole = any(
            not one.is_float and one.dtype != "bool"
            for one in tree.flatten(self.inputs)
        )

        def array(one: Input) -> np.ndarray:
            shape = (batch, *self._sizes(one, sizes or {}))
            if one.dtype == "bool":
                return generator.random(shape) < 0.5
            if not one.is_float:
                return generator.integers(*self._range, shape).astype(one.dtype)
            if fill is not None:
                return np.full(shape, fill, one.dtype)
            if self.input_range and not whole and scale == 1.0:
                return generator.uniform(*self.input_range, shape).astype(one.dtype)
            return (scale * generator.standard_normal(shape)).astype(one.dtype)

        return tree.map_structure(array, self.inputs)

    def tensors(self, arrays: Any) -> Any:
        """The arrays as tensors of the backend, each of its own dtype."""
        return tree.map_structure(keras.ops.convert_to_tensor, arrays)

    def symbols(self, sizes: Mapping[Any, int | None] | None = None, **over) -> Any:
        """`keras.Input`s of the sample's shape, the batch None."""
        self._prepare()
        return tree.map_structure(
            lambda one: keras.Input(
                self._sizes(one, sizes or {}), dtype=one.dtype, **over
            ),
            self.inputs,
        )

    @property
    def star(self) -> str:
        """What stands before the inputs in a snippet's call."""
        return "*" if self.positional else ""

    @property
    def axes(self) -> list[tuple[int, int | None]]:
        """The axes that may vary, each with its declared size.

        Axes of one place and size vary together: two inputs that are joined along
        their features must be equally long.
        """
        found = {
            (axis, size): None
            for one in tree.flatten(self.inputs)
            for axis, size in enumerate(one.shape)
            if axis > 0
        }
        return list(found)

    def size(self, axis: tuple[int, int | None]) -> int:
        """The sample's size along one of `axes`."""
        self._prepare()
        return self._unknown if axis[1] is None else axis[1]

    @property
    def has_floats(self) -> bool:
        """Whether some input is of floats."""
        return any(one.is_float for one in tree.flatten(self.inputs))

    def model(self, layer: keras.layers.Layer) -> keras.Model:
        """A Functional model of the one layer."""
        inputs = self.symbols()
        outputs = self(layer, inputs)
        return keras.Model(list(inputs) if self.positional else inputs, outputs)

    def feed(self, arrays: Any) -> Any:
        """The arrays as `model` takes them."""
        return list(arrays) if self.positional else arrays

    def _sizes(self, one: Input, sizes: Mapping[Any, int | None]) -> tuple:
        return tuple(
            sizes.get((axis, size), self._unknown if size is None else size)
            for axis, size in enumerate(one.shape)
            if axis > 0
        )

    def _prepare(self) -> None:
        """Find the sizes for None, and the integers, that the layer takes."""
        if self._prepared:
            return
        self._prepared = True
        flat = tree.flatten(self.inputs)
        unknown = any(None in one.shape[1:] for one in flat)
        whole = any(not one.is_float and one.dtype != "bool" for one in flat)
        ranges = [self.input_range] if self.input_range else list(_INT_RANGES)
        if not whole:
            ranges = ranges[:1]
        for self._unknown in _SIZES if unknown else _SIZES[:1]:
            for self._range in ranges:
                if (not unknown and len(ranges) == 1) or self._works():
                    return
        self._unknown, self._range = _SIZES[0], ranges[0]

    def _works(self) -> bool:
        try:
            self(self.make(), self.sample())
        except Exception:
            return False
        return True

    def _check_layer(self, made: Any) -> keras.layers.Layer:
        if not isinstance(made, keras.layers.Layer):
            raise TypeError(
                f"case: 'factory' must return a keras.layers.Layer, got {made!r}"
            )
        return made


def case(
    factory: Callable[..., keras.layers.Layer],
    input_shape: Any,
    input_dtype: Any = "float32",
    *,
    arguments: Mapping[str, Any] | None = None,
    space: Callable[..., Mapping[str, Any]] | None = None,
    input_range: tuple[int, int] | None = None,
    expected_failures: Mapping[str, str] | None = None,
    name: str | None = None,
    seed: int = 0,
) -> Case:
    """Describe a layer to check.

    Args:
        factory: A class, or a function, that makes a new layer each time. It is given
            keyword arguments (`dtype=`, `name=`, `data_format=`...) where a law needs
            them; a function that takes none is worked around through the layer's
            config.
        input_shape: The shape of the input with the batch, None, first; or a list or
            dict of shapes, where the layer takes such a structure; or a tuple of
            shapes, where it takes several inputs as arguments. Another None is a size
            that the layer must take any value for.
        input_dtype: The dtype of the inputs, or a structure of dtypes like that of
            the shapes.
        arguments: Constructor arguments, for a factory that is a class.
        space: A function of `hp` that returns constructor arguments, as a KerasTuner
            search reads it: configurations are drawn from it.
        input_range: The least integer, and the first above the greatest, that integer
            inputs are drawn from; 0 to 7 by default, or less where the layer refuses.
            Where all inputs are floats, the range of these: pixels, for example.
        expected_failures: Names of laws that the layer is known to break, with the
            reasons.
        name: What the case is called in reports; the layer's class by default.
        seed: Another seed draws other values.

    Returns:
        A case, to be handed to a law of `kerasblocks.testing.checks`, or to
        `parametrize_with_checks`.

    Raises:
        TypeError: the factory cannot be called.
        ValueError: an input shape is not one, or does not begin with None.

    Example:
        >>> import keras
        >>> case(keras.layers.Dense, (None, 4), arguments={"units": 3})
        case(Dense)
    """
    return Case(
        factory,
        input_shape,
        input_dtype,
        arguments=arguments,
        space=space,
        input_range=input_range,
        expected_failures=expected_failures,
        name=name,
        seed=seed,
    )


def _binds(factory: Callable[..., Any], arguments: Mapping[str, Any]) -> bool:
    try:
        signature = inspect.signature(factory)
    except (TypeError, ValueError):
        return True
    try:
        signature.bind(**arguments)
    except TypeError:
        # A class says itself what it does not take.
        return inspect.isclass(factory)
    return True


def _is_shape(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(
        size is None or (isinstance(size, int) and not isinstance(size, bool))
        for size in value
    )


def _is_many(value: Any) -> bool:
    return isinstance(value, tuple) and bool(value) and not _is_shape(value)


def _inputs(shapes: Any, dtypes: Any) -> Any:
    if _is_shape(shapes):
        shape = tuple(shapes)
        if shape and (shape[0] is not None or any(size == 0 for size in shape)):
            raise ValueError(
                "case: 'input_shape' must be positive sizes after the batch, which is "
                f"None: expected (None, ...), got {shape}"
            )
        return Input(shape, keras.backend.standardize_dtype(dtypes))
    if isinstance(shapes, dict):
        return {
            key: _inputs(one, dtypes[key] if isinstance(dtypes, dict) else dtypes)
            for key, one in shapes.items()
        }
    if isinstance(shapes, list | tuple):
        each = dtypes if isinstance(dtypes, list | tuple) else [dtypes] * len(shapes)
        return type(shapes)(
            _inputs(one, dtype) for one, dtype in zip(shapes, each, strict=True)
        )
    raise ValueError(
        "case: 'input_shape' must be a tuple of sizes with the batch, None, first, or "
        f"a list or dict of such tuples, got {shapes!r}"
    )
