"""`Recorder`: records the gradients of Keras' own training step, on every backend."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops


class Recorder(keras.optimizers.Optimizer):
    """An optimizer that records gradients instead of applying them.

    Attributes:
        gradients: The gradients of the last step, in the order of the model's trainable
            variables, as arrays of float32 or float64. None if a variable has none.

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
        self.gradients = [None if grad is None else as_array(grad) for grad in grads]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Does nothing."""


def as_array(tensor: Any) -> np.ndarray:
    """Returns a copy of a tensor: float64 stays, other dtypes become float32."""
    tensor = ops.convert_to_tensor(tensor)
    double = keras.backend.standardize_dtype(tensor.dtype) == "float64"
    tensor = ops.cast(tensor, "float64" if double else "float32")
    # Without a copy, the array may share memory with the backend.
    return np.array(ops.convert_to_numpy(tensor))


@contextlib.contextmanager
def undisturbed(model: keras.Model) -> Iterator[None]:
    """Restores the weights, states and metrics of a model at the end."""
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
            model.zero_grad()  # Torch keeps gradients on the weights.


def _value(variable: Any) -> np.ndarray:
    # Without a copy, the array shares memory with the variable on torch.
    return np.array(ops.convert_to_numpy(variable))


def _random_state() -> Any:
    """Restores torch's global random state, which dropout without a seed uses."""
    if keras.backend.backend() == "torch":
        return sys.modules["torch"].random.fork_rng()
    return contextlib.nullcontext()
