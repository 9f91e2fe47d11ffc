"""`Recorder`: the gradients of Keras' own training step, on every backend."""

from __future__ import annotations

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
