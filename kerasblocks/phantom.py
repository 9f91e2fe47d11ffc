"""Models without values: made apart from the rest, to be looked at."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import keras
from keras import ops

from kerasblocks.hooks import Hooks

T = TypeVar("T")


def apart(function: Callable[[], T]) -> T:
    """Runs `function` where variables get no values and Keras forgets it after.

    In a thread of its own, since Keras keeps by thread what would outlast the call:
    the names that it has given, and the variables without values, to all of which the
    next `StatelessScope` of that thread would give some.

    Args:
        function: Takes no arguments. What it returns must not be run.

    Example:
        >>> def make():
        ...     layer = keras.layers.Dense(10**6)
        ...     layer.build((None, 10**6))
        ...     return tuple(layer.kernel.shape)
        >>> apart(make)  # 4 terabytes, had they a value
        (1000000, 1000000)
    """
    policy = keras.config.dtype_policy()

    def run() -> T:
        _THREAD.is_apart = True
        keras.config.set_dtype_policy(policy)
        with _HOOKS.installed(), keras.StatelessScope(initialize_variables=False):
            return function()

    # Layers draw the seeds of their initializers from Python's generator.
    state = random.getstate()
    try:
        with ThreadPoolExecutor(1) as executor:
            return executor.submit(run).result()
    finally:
        random.setstate(state)


class _Thread(threading.local):
    is_apart = False


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


_HOOKS = Hooks((keras.Variable, "__init__", _defer))
