"""One training step of a model that computes gradients and applies none."""

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
    """The loss of a batch and the gradient of each variable.

    Attributes:
        loss: The loss; None if the model's own `train_step` does not return it.
        of: By the id of each trainable variable, its gradient, or None if the loss does
            not depend on it. Empty if the model's own `train_step` does not apply
            gradients with the model's optimizer.
    """

    loss: float | None
    of: dict[int, np.ndarray | None]


def take_step(model: keras.Model, batch: Batch) -> Gradients:
    """The gradients of a compiled model on a batch, as in its own training.

    The model's own training step runs eagerly, with an optimizer that applies nothing.
    Afterwards the model is what it was. If its optimizer scales the loss, for float16,
    the loss is scaled here too and the gradients are scaled back. If they overflow, a
    smaller scale is tried, as in training.

    Args:
        model: A compiled and built model.
        batch: Inputs, targets and sample weights. The model gets them as tensors.
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
    """A compiled model around `model`, with its outputs and weights and this loss."""
    outer = _Outer(model)
    outer.compile("sgd", loss)
    return outer


class _Outer(keras.Model):
    """A model around another, which can be compiled without touching the other."""

    def __init__(self, model: keras.Model):
        super().__init__(name="outer", dtype=model.dtype_policy)
        self.model = model
        if hasattr(model, "output_names"):
            self.output_names = model.output_names
        self.built = True

    def call(self, inputs: Any, training: bool | None = None) -> Any:
        return self.model(inputs)  # Keras passes `training` on if this takes it.


class _ScalingRecorder(Recorder):
    """A recorder that scales the loss and passes gradients on with their variables."""

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
        # On JAX Keras passes no variables: they are those of the model.
        variables = model.trainable_variables if variables is None else variables
        for variable, gradient in zip(variables, gradients, strict=True):
            of[id(variable)] = gradient

    with undisturbed(model), _training(model, _ScalingRecorder(scale, note)):
        logs = model.train_on_batch(*batch, return_dict=True)
    if of:  # Otherwise the training step does not apply gradients with the optimizer.
        of = dict.fromkeys(map(id, model.trainable_variables)) | of
    return Gradients(float(logs["loss"]) if "loss" in logs else None, of)


def _tensor(array: Any) -> Any:
    """Converts an array as `fit` does; arrays of strings stay as they are."""
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "biuf":
        return array
    if array.dtype.kind == "f":
        array = array.astype(keras.config.floatx())
    return ops.convert_to_tensor(array)


@contextlib.contextmanager
def _training(model: keras.Model, optimizer: Recorder) -> Iterator[None]:
    """Makes a compiled model train eagerly and with another optimizer for a while."""
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
        model.reset_metrics()  # This step may have created some.


def _is_finite(step: Gradients) -> bool:
    return all(g is None or np.isfinite(g).all() for g in step.of.values())


def _tell_none_from_zero(model: keras.Model, batch: Batch, step: Gradients) -> None:
    """Sets gradients to None where JAX returns zeros for unused variables.

    If the loss is NaN, so is the gradient of each variable that the loss depends on,
    unless dead units, such as those of a ReLU, block the way. So this is tried twice,
    with weights of random signs, where other units are dead.
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
    if reached:  # Otherwise the model's own training step does not scale the loss.
        step.of.update(dict.fromkeys(silent - reached))
