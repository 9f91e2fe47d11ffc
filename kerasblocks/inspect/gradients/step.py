"""One training step of a model, taken for its gradients alone."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops, tree

from kerasblocks.gradients import Recorder, undisturbed
from kerasblocks.inspect.gradients.batches import Batch


class Gradients(NamedTuple):
    """The loss of a batch, and the gradient of each variable, by its id.

    None stands for the gradient of a variable that the loss does not depend on, and for
    the loss where the model's own `train_step` does not tell it. There is no gradient
    at all where that does not apply any by the model's optimizer.
    """

    loss: float | None
    of: dict[int, np.ndarray | None]


def take_step(model: keras.Model, batch: Batch) -> Gradients:
    """The gradients of a compiled model on a batch, as its own training has them.

    The model's own training step runs, eagerly and with an optimizer that applies
    nothing; then the model is as it was. Where its optimizer scales the loss, for
    float16, so is the loss here, and the gradients are scaled back; of a scale under
    which they overflow a smaller one is taken, as in training.

    Args:
        model: A compiled and built model.
        batch: Inputs, targets and sample weights, which reach it as tensors.
    """
    batch = tree.map_structure(_tensor, batch)
    scale = float(ops.convert_to_numpy(model.optimizer.scale_loss(ops.ones(()))))
    while True:
        step = _step(model, batch, scale)
        lost = step.loss is not None and not math.isfinite(step.loss)
        if scale <= 1 or lost or _is_finite(step):
            break
        scale = max(1.0, scale / 16)
    if keras.backend.backend() == "jax":
        _tell_none_from_zero(model, batch, step)
    unscaled = {key: None if g is None else g / scale for key, g in step.of.items()}
    return Gradients(step.loss, unscaled)


def with_loss(model: keras.Model, loss: Any) -> keras.Model:
    """A compiled model that computes what `model` does and shares its weights."""
    outer = _Outer(model)
    outer.compile("sgd", loss)
    return outer


class _Outer(keras.Model):
    """A model around another, to be compiled in its stead."""

    def __init__(self, model: keras.Model):
        super().__init__(name="outer", dtype=model.dtype_policy)
        self.model = model
        if hasattr(model, "output_names"):
            self.output_names = model.output_names
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.model(inputs)  # Keras hands `training` on, if it is an argument


class _Noting(Recorder):
    """A recorder that scales the loss, and hands on the gradients as they come."""

    def __init__(self, scale: float, note: Callable[[Any, Any], None]):
        super().__init__()
        self.loss_scale_factor = scale
        self.note = note

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        super().apply(grads, trainable_variables)
        self.note(self.gradients, trainable_variables)


def _step(model: keras.Model, batch: Batch, scale: float) -> Gradients:
    """The gradients of the loss times `scale`, and the loss as it is."""
    of: dict[int, np.ndarray | None] = {}

    def note(gradients: Any, variables: Any) -> None:
        # JAX names no variables: they are those of the model.
        variables = model.trainable_variables if variables is None else variables
        for variable, gradient in zip(variables, gradients, strict=True):
            of[id(variable)] = gradient

    with undisturbed(model), _training(model, _Noting(scale, note)):
        logs = model.train_on_batch(*batch, return_dict=True)
    if of:  # else its training step applies nothing here
        of = dict.fromkeys(map(id, model.trainable_variables)) | of
    return Gradients(float(logs["loss"]) if "loss" in logs else None, of)


def _tensor(array: Any) -> Any:
    """What `fit` makes of an array; strings, for one, stay as they are."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        return array
    if array.dtype.kind == "f":
        array = array.astype(keras.config.floatx())
    return ops.convert_to_tensor(array)


@contextlib.contextmanager
def _training(model: keras.Model, optimizer: Recorder) -> Iterator[None]:
    """Has a compiled model train eagerly and by another optimizer, for a while."""
    mine = {
        "optimizer": optimizer,
        "run_eagerly": True,
        "jit_compile": False,
        "steps_per_execution": 1,
        "train_function": None,
    }
    own = {name: getattr(model, name) for name in mine}
    try:
        for name, value in mine.items():
            setattr(model, name, value)
        yield
    finally:
        for name, value in own.items():
            setattr(model, name, value)
        model.reset_metrics()  # some may have been made by this step


def _is_finite(step: Gradients) -> bool:
    return all(g is None or np.isfinite(g).all() for g in step.of.values())


def _tell_none_from_zero(model: keras.Model, batch: Batch, step: Gradients) -> None:
    """Makes None of the zeros that JAX gives where the loss depends on nothing.

    A loss of NaN gives each variable that it depends on a gradient of NaN, save
    through units that are dead, as a ReLU's. So it does in a model whose weights have
    other signs, where other units are: two such models are asked.
    """
    silent = {key for key, g in step.of.items() if g is not None and not g.any()}
    generator = np.random.default_rng(0)
    reached: set[int] = set()
    for _ in range(2):
        if silent <= reached:
            return
        with undisturbed(model):
            for variable in model.trainable_variables:
                value = ops.convert_to_numpy(variable).astype("float32")
                sign = generator.choice([-1.0, 1.0], size=value.shape)
                variable.assign(sign * np.where(value, value, 0.1))
            probe = _step(model, batch, math.nan)
        reached |= {k for k, g in probe.of.items() if g is None or np.isnan(g).any()}
    if reached:  # else the loss was not scaled: by a training step of the model's own
        step.of.update(dict.fromkeys(silent - reached))
