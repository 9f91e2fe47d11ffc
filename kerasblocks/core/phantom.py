"""Models without values: made apart from the rest, to be looked at."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import keras
from keras import ops

from kerasblocks.core._keras import has_value
from kerasblocks.core.hooks import Hooks

T = TypeVar("T")


def apart(function: Callable[[], T]) -> T:
    """Runs `function` where variables get no values and Keras forgets it after.

    In a thread of its own, since Keras keeps by thread what would outlast the call:
    the names that it has given, and the variables without values, to all of which the
    next `StatelessScope` of that thread would give some. The thread has the caller's
    dtype policy, custom objects and leave to read lambdas.

    Args:
        function: Takes no arguments. What it returns must not be run.

    Raises:
        MadeOutside: the function builds a layer that it has not made, which would be
            left with variables that never get a value.

    Example:
        >>> def make():
        ...     layer = keras.layers.Dense(10**6)
        ...     layer.build((None, 10**6))
        ...     return tuple(layer.kernel.shape)
        >>> apart(make)  # 4 terabytes, had they a value
        (1000000, 1000000)
    """
    policy = keras.config.dtype_policy()
    with keras.saving.custom_object_scope({}) as objects:
        pass
    reads_lambdas = _reads_lambdas()

    def run() -> T:
        _THREAD.is_apart = True
        keras.config.set_dtype_policy(policy)
        if reads_lambdas:
            keras.config.enable_unsafe_deserialization()
        with (
            keras.saving.custom_object_scope(objects.backup),
            _HOOKS.installed(),
            keras.StatelessScope(initialize_variables=False),
        ):
            try:
                return function()
            except Exception:
                # Keras words an error in a `call` anew, as often as calls are nested.
                if _THREAD.refusal is not None:
                    raise _THREAD.refusal from None
                raise

    # Layers draw the seeds of their initializers from Python's generator.
    state = random.getstate()
    try:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(run).result()
    finally:
        random.setstate(state)


class MadeOutside(ValueError):
    """An unbuilt layer that was made elsewhere was about to be built apart.

    Attributes:
        layer: The layer.
    """

    layer: keras.layers.Layer


def _reads_lambdas() -> bool:
    """Whether this thread has `enable_unsafe_deserialization`, which has no getter."""
    try:
        keras.saving.deserialize_keras_object({"class_name": "__lambda__", "config": 0})
    except ValueError:
        return False
    except (LookupError, TypeError):  # There is no lambda to read.
        pass
    return True


class _Thread(threading.local):
    is_apart = False
    refusal: MadeOutside | None = None

    def __init__(self) -> None:
        self.made: set[int] = set()  # the layers, by id


_THREAD = _Thread()


def _defer(init: Callable[..., None]) -> Callable[..., None]:
    """Defers every value, and gives zeros to whoever asks for one.

    Keras refuses to defer that of a variable which is made of a value, as an
    optimizer makes some, and computes a random one anew whenever it is read.
    """

    def hooked(
        variable: Any,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        if _THREAD.is_apart:
            if not callable(initializer) and not isinstance(initializer, str):
                value = ops.convert_to_tensor(initializer, dtype)
                shape = value.shape
                dtype = dtype or keras.backend.standardize_dtype(value.dtype)
            initializer = ops.zeros
        init(variable, initializer, shape, dtype, **options)

    return hooked


def _forget(assign: Callable[..., Any]) -> Callable[..., Any]:
    """Drops the values of a file of weights, which would stay in memory otherwise."""

    def hooked(variable: Any, value: Any) -> Any:
        is_deferred = _THREAD.is_apart and not has_value(variable)
        fits = tuple(getattr(value, "shape", (None,))) == tuple(variable.shape)
        return value if is_deferred and fits else assign(variable, value)

    return hooked


def _note(init: Callable[..., None]) -> Callable[..., None]:
    def hooked(layer: Any, *args: Any, **kwargs: Any) -> None:
        if _THREAD.is_apart:
            _THREAD.made.add(id(layer))
        init(layer, *args, **kwargs)

    return hooked


def _refuse(scope: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses to build a layer that was made elsewhere, before anything happens to it.

    Whoever builds a layer, by calling it or by `build`, comes first to its name scope.
    """

    def hooked(layer: Any) -> Any:
        is_ours = not _THREAD.is_apart or id(layer) in _THREAD.made
        has_build = type(layer).build is not keras.layers.Layer.build
        if not is_ours and has_build and not layer.built:
            _THREAD.refusal = MadeOutside(
                f"{layer.name!r} ({type(layer).__name__}) must be made where it is "
                "asked about, or be built before, since a question must not build it; "
                "got one that was made outside"
            )
            _THREAD.refusal.layer = layer
            raise _THREAD.refusal
        return scope(layer)

    return hooked


def _skip(change: Callable[..., None]) -> Callable[..., None]:
    """Leaves a layer the losses of its last call, and adds none without a value."""

    def hooked(layer: Any, *args: Any, **kwargs: Any) -> None:
        if not _THREAD.is_apart:
            change(layer, *args, **kwargs)

    return hooked


def _by_identity(key: Callable[..., Any]) -> Callable[..., Any]:
    """Knows a variable by itself: TensorFlow's optimizers do by its value."""

    def hooked(optimizer: Any, variable: Any) -> Any:
        return id(variable) if _THREAD.is_apart else key(optimizer, variable)

    return hooked


def _like(add: Callable[..., Any]) -> Callable[..., Any]:
    """Adds a variable like another without asking the other's value, as TensorFlow."""

    def hooked(
        optimizer: Any,
        reference_variable: Any,
        name: Any = None,
        initializer: Any = "zeros",
    ) -> Any:
        if not _THREAD.is_apart:
            return add(optimizer, reference_variable, name, initializer)
        shape, dtype = tuple(reference_variable.shape), reference_variable.dtype
        return optimizer.add_variable(shape, initializer, dtype, name=name)

    return hooked


_HOOKS = Hooks(
    (keras.Variable, "__init__", _defer),
    (keras.Variable, "assign", _forget),
    (keras.layers.Layer, "__init__", _note),
    (keras.layers.Layer, "_open_name_scope", _refuse),
    (keras.layers.Layer, "_clear_losses", _skip),
    (keras.layers.Layer, "add_loss", _skip),
    (keras.optimizers.Optimizer, "_var_key", _by_identity),
    (keras.optimizers.Optimizer, "add_variable_from_reference", _like),
)
