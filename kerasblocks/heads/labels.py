"""The labels of one head: which are present, and values in place of the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasblocks.heads.task import Task


class Labels(NamedTuple):
    """Labels and predictions of one head, none of them missing any more.

    `present` is True where the label is known and the prediction is no padding. It has
    the shape of the labels for numbers that are missing one by one, and else that
    without the last axis. Elsewhere stand values that any loss takes, so that what is
    computed of them is finite, and so are its gradients.
    """

    true: Any
    pred: Any
    present: Any


def read_labels(
    task: Task, name: str, y_true: Any, y_pred: Any, *, elementwise: bool
) -> Labels:
    """The labels and predictions of a head, in shapes that fit each other.

    Args:
        task: The head's task.
        name: The head's name, for error messages.
        y_true: Labels.
        y_pred: Predictions, which may carry a Keras mask.
        elementwise: Whether the numbers of one label are missing one by one.

    Raises:
        ValueError: the labels do not have the task's shape.
    """
    padding = _keras_mask(y_pred)
    dtype = keras.config.floatx()
    pred = ops.convert_to_tensor(y_pred, dtype=dtype)
    true = ops.cast(ops.convert_to_tensor(y_true), dtype)
    true = _fit_rank(task, name, true, len(pred.shape))
    known = ops.logical_not(ops.isnan(true))
    if task.missing is not None:
        known = ops.logical_and(known, true != task.missing)
    if task.label_shape == ():
        present = ops.logical_and(known, padding)
        each = ops.expand_dims(present, -1)
        true = ops.where(present, true, ops.zeros_like(true))
    else:
        if not elementwise:
            known = ops.all(known, axis=-1, keepdims=True)
        each = ops.logical_and(known, ops.expand_dims(padding, -1))
        present = each if elementwise else ops.squeeze(each, -1)
        true = ops.where(each, true, ops.zeros_like(true))
    return Labels(true, ops.where(each, pred, ops.ones_like(pred)), present)


def check_labels(owner: str, name: str, task: Task, labels: np.ndarray) -> None:
    """Raises where labels in an array are no labels of the task.

    Args:
        owner: The class, for the error message.
        name: The head's name.
        task: The head's task.
        labels: The labels.

    Raises:
        ValueError: the head, what is expected and the first value that is not.
    """
    if labels.dtype.kind not in "biuf":
        raise ValueError(
            f"{owner}: the labels of {name!r} must be numbers, got an array of "
            f"{labels.dtype}"
        )
    known = labels == labels  # NaN is not
    if task.missing is not None:
        known &= labels != task.missing
    values = labels[known]
    last = (task.classes or 0) - 1
    if task.label_shape == ():
        wrong = (values != np.floor(values)) | (values < 0) | (values > last)
        expected = f"whole numbers from 0 to {last}"
    elif task.classes is not None:
        wrong = (values < 0) | (values > 1)
        expected = "numbers from 0 to 1"
    else:
        wrong = ~np.isfinite(values)
        expected = "finite numbers"
    if wrong.any():
        raise ValueError(
            f"{owner}: the labels of {name!r} must be {expected}, got "
            f"{values[wrong][0].item()!r}; a label that stands for none is NaN, or "
            "what the task names as 'missing'"
        )


def _fit_rank(task: Task, name: str, true: Any, rank: int) -> Any:
    """Labels with the task's number of axes, for predictions of `rank` axes."""
    shape = tuple(true.shape)
    if task.label_shape == ():
        if len(shape) == rank and shape[-1] == 1:
            return ops.squeeze(true, -1)
        if len(shape) == rank - 1:
            return true
    else:
        width = task.label_shape[-1]
        if len(shape) == rank - 1 and width == 1:
            return ops.expand_dims(true, -1)
        if len(shape) == rank and shape[-1] in (width, None):
            return true
    expected = ", ".join(["batch", *["..."] * (rank > 2), *map(str, task.label_shape)])
    hint = ""
    if task.label_shape == () and len(shape) == rank:
        hint = "; for one-hot labels give the task loss='categorical_crossentropy'"
    raise ValueError(
        f"MultiHeadOutput: the labels of {name!r}, a {type(task).__name__}, must have "
        f"the shape ({expected}), got {shape}{hint}"
    )


class Values(keras.losses.Loss):
    """Its first argument, weighted by the Keras mask of the second, and reduced."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_true


def _keras_mask(y_pred: Any) -> Any:
    """The Keras mask of predictions, all True where there is none.

    Keras has no public way to read it, but a loss applies it.
    """
    first = ops.stop_gradient(ops.convert_to_tensor(y_pred))[..., 0]
    ones = ops.ones_like(first, dtype=keras.config.floatx())
    return Values(reduction="none")(ones, y_pred) > 0
