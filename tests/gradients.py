"""The gradient of a function of one array, on each backend."""

import keras
import numpy as np


def gradient(function, x):
    """d function(x) / dx as a numpy array; `function` gives a scalar."""
    x = keras.ops.convert_to_tensor(np.asarray(x, "float32"))
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(x)
            value = function(x)
        found = tape.gradient(value, x)
    elif backend == "jax":
        import jax

        found = jax.grad(function)(x)
    else:
        x = x.clone().requires_grad_()
        function(x).backward()
        found = x.grad
    return keras.ops.convert_to_numpy(found)
