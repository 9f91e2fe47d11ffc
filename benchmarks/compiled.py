"""A model's forward pass as each backend compiles it.

Without what `predict` adds at every batch: callbacks, and copies to NumPy, which
for forty small outputs take longer than the outputs.
"""

from collections.abc import Callable
from typing import Any

import keras


def forward(model: keras.Model, x: Any) -> Callable[[], Any]:
    """A function without arguments that runs `model` on `x` to its end."""
    x = keras.tree.map_structure(keras.ops.convert_to_tensor, x)
    return FORWARD[keras.backend.backend()](model, x)


def _tensorflow(model: keras.Model, x: Any) -> Callable[[], Any]:
    import tensorflow as tf

    run = tf.function(lambda x: model(x, training=False))
    return lambda: run(x)


def _jax(model: keras.Model, x: Any) -> Callable[[], Any]:
    import jax

    state = [v.value for v in model.trainable_variables]
    fixed = [v.value for v in model.non_trainable_variables]
    run = jax.jit(lambda state, x: model.stateless_call(state, fixed, x)[0])
    return lambda: jax.block_until_ready(run(state, x))


def _torch(model: keras.Model, x: Any) -> Callable[[], Any]:
    import torch

    def run() -> Any:
        with torch.inference_mode():
            return model(x, training=False)

    return run


FORWARD = {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}
