"""`without_values`: runs a function without giving values to variables."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import keras
from keras import ops

from kerasblocks.core._keras import PATCHED, custom_objects, has_value
from kerasblocks.core.hooks import Hooks, Wrap

T = TypeVar("T")


def without_values(function: Callable[[], T]) -> T:
    """Runs `function`. Variables made in it get no values, and Keras forgets them.

    The function runs in a new thread. Keras keeps some state for each thread: the names
    of layers, and the variables that wait for a value. This state ends with the thread.
    The new thread gets the caller's dtype policy, custom objects and permission to
    deserialize lambdas.

    Args:
        function: A function without arguments. Layers and models that it returns must
            not be called.

    Raises:
        CreatedOutside: the function builds a layer that was created outside it. The
            layer would be left with variables that never get a value.

    Example:
        >>> def make():
        ...     layer = keras.layers.Dense(10**6)
        ...     layer.build((None, 10**6))
        ...     return tuple(layer.kernel.shape)
        >>> without_values(make)  # with values, 4 terabytes
        (1000000, 1000000)
    """
    policy = keras.config.dtype_policy()
    objects = custom_objects()
    reads_lambdas = _reads_lambdas()

    def run() -> T:
        _THREAD.is_active = True
        keras.config.set_dtype_policy(policy)
        if reads_lambdas:
            keras.config.enable_unsafe_deserialization()
        with (
            keras.saving.custom_object_scope(objects),
            _HOOKS.installed(),
            keras.StatelessScope(initialize_variables=False),
        ):
            try:
                return function()
            except Exception:
                # Keras rewords an error raised in a `call`, once for each nested call.
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


class CreatedOutside(ValueError):
    """The function would build a layer that was created outside it.

    Attributes:
        layer: The layer.
    """

    layer: keras.layers.Layer


def _reads_lambdas() -> bool:
    """Whether this thread may deserialize lambdas. Keras has no getter for this."""
    try:
        keras.saving.deserialize_keras_object({"class_name": "__lambda__", "config": 0})
    except ValueError:
        return False
    except (LookupError, TypeError):  # There is no lambda to read.
        pass
    return True


class _Thread(threading.local):
    is_active = False
    refusal: CreatedOutside | None = None

    def __init__(self) -> None:
        self.created: set[int] = set()  # the layers, by id


_THREAD = _Thread()


def _defer(init: Callable[..., None]) -> Callable[..., None]:
    """Defers the value of every variable, and makes it zeros.

    Keras does not defer a variable that is made from a value, as in optimizers. It
    computes a deferred random value anew each time that the variable is read.
    """

    def hooked(
        variable: Any,
        initializer: Any,
        shape: Any = None,
        dtype: Any = None,
        **options: Any,
    ) -> None:
        if _THREAD.is_active:
            if not callable(initializer) and not isinstance(initializer, str):
                value = ops.convert_to_tensor(initializer, dtype)
                shape = value.shape
                dtype = dtype or keras.backend.standardize_dtype(value.dtype)
            initializer = ops.zeros
        init(variable, initializer, shape, dtype, **options)

    return hooked


def _drop(assign: Callable[..., Any]) -> Callable[..., Any]:
    """Ignores values that are loaded from a file of weights, to save memory."""

    def hooked(variable: Any, value: Any) -> Any:
        is_deferred = _THREAD.is_active and not has_value(variable)
        fits = tuple(getattr(value, "shape", (None,))) == tuple(variable.shape)
        return value if is_deferred and fits else assign(variable, value)

    return hooked


def _record(init: Callable[..., None]) -> Callable[..., None]:
    """Records the layers that are created."""

    def hooked(layer: Any, *args: Any, **kwargs: Any) -> None:
        if _THREAD.is_active:
            _THREAD.created.add(id(layer))
        init(layer, *args, **kwargs)

    return hooked


def _refuse(scope: Callable[..., Any]) -> Callable[..., Any]:
    """Refuses to build a layer that was created outside, before the layer changes.

    Every call and build of a layer begins by opening its name scope.
    """

    def hooked(layer: Any) -> Any:
        is_ours = not _THREAD.is_active or id(layer) in _THREAD.created
        has_build = type(layer).build is not keras.layers.Layer.build
        if not is_ours and has_build and not layer.built:
            _THREAD.refusal = CreatedOutside(
                f"Layer {layer.name!r} ({type(layer).__name__}) is unbuilt and was "
                "created outside this function. Create it inside, or build it first."
            )
            _THREAD.refusal.layer = layer
            raise _THREAD.refusal
        return scope(layer)

    return hooked


def _skip(change: Callable[..., None]) -> Callable[..., None]:
    """Keeps the losses of a layer's last call, and adds none without a value."""

    def hooked(layer: Any, *args: Any, **kwargs: Any) -> None:
        if not _THREAD.is_active:
            change(layer, *args, **kwargs)

    return hooked


def _by_identity(key: Callable[..., Any]) -> Callable[..., Any]:
    """Identifies a variable by its id. TensorFlow's optimizers use its value."""

    def hooked(optimizer: Any, variable: Any) -> Any:
        return id(variable) if _THREAD.is_active else key(optimizer, variable)

    return hooked


def _like(add: Callable[..., Any]) -> Callable[..., Any]:
    """Adds a variable like another one. TensorFlow would read the value of that one."""

    def hooked(
        optimizer: Any,
        reference_variable: Any,
        name: Any = None,
        initializer: Any = "zeros",
    ) -> Any:
        if not _THREAD.is_active:
            return add(optimizer, reference_variable, name, initializer)
        shape, dtype = tuple(reference_variable.shape), reference_variable.dtype
        return optimizer.add_variable(shape, initializer, dtype, name=name)

    return hooked


_PRIVATE: dict[str, Wrap] = {
    "_open_name_scope": _refuse,
    "_clear_losses": _skip,
    "_var_key": _by_identity,
}
_HOOKS = Hooks(
    (keras.Variable, "__init__", _defer),
    (keras.Variable, "assign", _drop),
    (keras.layers.Layer, "__init__", _record),
    (keras.layers.Layer, "add_loss", _skip),
    (keras.optimizers.Optimizer, "add_variable_from_reference", _like),
    *((owner, name, _PRIVATE[name]) for owner, name in PATCHED),
)
