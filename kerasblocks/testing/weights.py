"""The weights of a layer under test: given other values, trained, watched."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerasblocks.gradients import Recorder
from kerasblocks.testing._keras import BOOKKEEPING
from kerasblocks.testing.case import Case
from kerasblocks.testing.layer import sublayers


def randomize(layer: keras.layers.Layer, seed: int = 1) -> None:
    """Move every float weight that is all one value: zeros and ones hide errors."""
    generator = np.random.default_rng(seed)
    values = []
    for weight, value in zip(layer.weights, layer.get_weights(), strict=True):
        constant = value.size and (value == value.flat[0]).all()
        if constant and keras.backend.is_float_dtype(weight.dtype):
            value = (value + generator.uniform(0.05, 0.35, value.shape)).astype(
                value.dtype
            )
            if weight.constraint is not None:
                value = np.asarray(weight.constraint(value))
        values.append(value)
    layer.set_weights(values)


def state(layer: keras.layers.Layer) -> list[np.ndarray]:
    """The values of the weights, random states left out."""
    return [ops.convert_to_numpy(weight) for weight in layer.weights]


def moved(layer: keras.layers.Layer, before: list[np.ndarray]) -> list[str]:
    """The paths of the weights whose values are not those of before."""
    return [
        weight.path
        for weight, old, new in zip(layer.weights, before, state(layer), strict=True)
        if not np.array_equal(old, new, equal_nan=old.dtype.kind == "f")
    ]


def is_seed(variable: keras.Variable) -> bool:
    """Whether a variable is the state of a random generator."""
    return variable.name == "seed_generator_state"


class Probe(keras.Model):
    """A model of one layer whose loss is a fixed weighting of all its float outputs.

    Its inputs pass through `shift`, zeros, whose gradient is that of the inputs.
    """

    def __init__(self, case: Case, layer: keras.layers.Layer, sample: Any):
        super().__init__()
        self.case = case
        self.layer = layer
        self.shift = [
            self.add_weight(shape=array.shape, initializer="zeros", name=f"input_{i}")
            for i, array in enumerate(tree.flatten(sample))
            if keras.backend.is_float_dtype(str(array.dtype))
        ]
        # So that there is a gradient even where the layer gives none.
        self.anchor = self.add_weight(shape=(), initializer="zeros", name="anchor")
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        shifts = iter(self.shift)
        shifted = tree.map_structure(
            lambda x: (
                x + ops.cast(next(shifts), x.dtype)
                if keras.backend.is_float_dtype(
                    keras.backend.standardize_dtype(x.dtype)
                )
                else x
            ),
            inputs,
        )
        return self.case(self.layer, shifted, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, **_) -> Any:
        total = 0.0 * self.anchor
        for one in tree.flatten(y_pred):
            if one is None or not keras.backend.is_float_dtype(
                keras.backend.standardize_dtype(one.dtype)
            ):
                continue
            one = ops.cast(one, "float32")
            flat = ops.reshape(one, (-1,))
            # Weights of no pattern that a sum or a mean would cancel.
            weighting = ops.sin(
                1.0 + 1.7 * ops.arange(ops.shape(flat)[0], dtype="float32")
            )
            total = total + ops.sum(flat * weighting)
        return total + (sum(self.losses) if self.losses else 0.0)


def gradients(
    case: Case, layer: keras.layers.Layer, sample: Any
) -> tuple[dict[str, np.ndarray | None], list[np.ndarray | None]]:
    """The gradients of a training step: of the weights by path, and of the inputs."""
    case(layer, sample)  # builds it
    probe = Probe(case, layer, sample)
    recorder = Recorder()
    probe.compile(optimizer=recorder, run_eagerly=True)
    probe.train_on_batch(sample)
    by_id = {
        id(variable): gradient
        for variable, gradient in zip(
            probe.trainable_variables, recorder.gradients, strict=True
        )
    }
    return (
        {weight.path: by_id[id(weight)] for weight in layer.trainable_weights},
        [by_id[id(weight)] for weight in probe.shift],
    )


def train(
    case: Case,
    layer: keras.layers.Layer,
    sample: Any,
    *,
    eager: bool = True,
    jit: bool = False,
) -> None:
    """One step of gradient descent on the weighted sum of a layer's outputs."""
    case(layer, sample)
    probe = Probe(case, layer, sample)
    probe.compile(
        optimizer=keras.optimizers.SGD(0.01), run_eagerly=eager, jit_compile=jit
    )
    probe.train_on_batch(sample)


def untracked(layer: keras.layers.Layer) -> Iterator[tuple[str, Any]]:
    """Variables, and layers with variables, that a layer holds and does not track."""
    owned = [*layer.variables, *layer.metrics_variables]
    known = {id(variable) for variable in owned}
    known |= {id(getattr(variable, "value", None)) for variable in owned}
    seen: set[int] = set()

    def look(where: str, value: Any) -> Iterator[tuple[str, Any]]:
        if id(value) in seen:
            return
        seen.add(id(value))
        if isinstance(value, dict):
            for key, one in list(value.items()):
                yield from look(f"{where}[{key!r}]", one)
        elif isinstance(value, list | tuple | set | frozenset):
            for place, one in enumerate(list(value)):
                yield from look(f"{where}[{place}]", one)
        elif isinstance(value, keras.Variable) or _is_raw_variable(value):
            if id(value) not in known:
                yield where, value
        elif isinstance(value, keras.layers.Layer):
            if any(id(variable) not in known for variable in value.variables):
                yield where, value
        elif isinstance(value, keras.random.SeedGenerator):
            yield from look(f"{where}.state", value.state)

    for one in [layer, *sublayers(layer)]:
        seen.add(id(one))
    for one in [layer, *sublayers(layer)]:
        for name, value in vars(one).items():
            if name not in BOOKKEEPING:
                prefix = "self" if one is layer else f"{one.name}"
                yield from look(f"{prefix}.{name}", value)


def _is_raw_variable(value: Any) -> bool:
    """Whether it is a variable of a backend, tf.Variable or torch's Parameter."""
    kind = type(value)
    return (
        kind.__name__.endswith(("Variable", "Parameter"))
        and hasattr(value, "shape")
        and kind.__module__.split(".")[0] in ("tensorflow", "torch", "jax")
    )
