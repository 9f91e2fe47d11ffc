"""`Recorder`: the gradients of Keras' own training step, on every backend."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops


class Recorder(keras.optimizers.Optimizer):
    """An optimizer that keeps the gradients that it is given, and applies none.

    They are arrays, of float32 where the variables are of less, in the order of the
    trainable variables of the model; None where the backend says that there is none.

    Example:
        >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
        >>> recorder = Recorder()
        >>> model.compile(recorder, "mean_squared_error", run_eagerly=True)
        >>> _ = model.train_on_batch(np.ones((3, 2)), np.ones((3, 1)))
        >>> [gradient.shape for gradient in recorder.gradients]
        [(2, 1), (1,)]
    """

    def __init__(self) -> None:
        super().__init__(learning_rate=0.0)
        self.gradients: list[np.ndarray | None] = []

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        self.gradients = [None if grad is None else _array(grad) for grad in grads]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Nothing is applied."""


def _array(gradient: Any) -> np.ndarray:
    gradient = ops.convert_to_tensor(gradient)
    double = keras.backend.standardize_dtype(gradient.dtype) == "float64"
    gradient = ops.cast(gradient, "float64" if double else "float32")
    # A copy: an array may share its memory with the backend.
    return np.array(ops.convert_to_numpy(gradient))


@contextlib.contextmanager
def undisturbed(model: keras.Model) -> Iterator[None]:
    """Puts back whatever changes of the weights and states of a model."""
    variables = [*model.variables, *model.metrics_variables]
    before = [_value(variable) for variable in variables]
    try:
        with _random_state():
            yield
    finally:
        for variable, value in zip(variables, before, strict=True):
            if _value(variable).tobytes() != value.tobytes():
                variable.assign(value)
        if hasattr(model, "zero_grad"):
            model.zero_grad()  # torch keeps gradients on the weights


def _value(variable: Any) -> np.ndarray:
    # A copy: on torch an array shares the variable's memory.
    return np.array(ops.convert_to_numpy(variable))


def _random_state() -> Any:
    """On torch, unseeded dropout and the order of batches draw from a global state."""
    if keras.backend.backend() == "torch":
        return sys.modules["torch"].random.fork_rng()
    return contextlib.nullcontext()
