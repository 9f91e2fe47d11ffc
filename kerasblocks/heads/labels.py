"""The labels of one head: which are present, and safe values for the missing ones."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from kerasblocks.heads.task import Task


class Labels(NamedTuple):
    """Labels and predictions of one head, with safe values where labels are missing.

    `present` is True where the label is known and the prediction is not padding. Its
    shape is that of the labels where their numbers can be missing one by one, and
    `(batch, ...)` otherwise. Where it is False, labels are 0 and predictions 1, so
    that losses and their gradients are finite there.
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
        elementwise: Whether the numbers of one label can be missing one by one.

    Raises:
        ValueError: the labels do not have the task's shape.
    """
    padding = _keras_mask(y_pred)
    dtype = keras.config.floatx()
    pred = ops.convert_to_tensor(y_pred, dtype=dtype)
    true = _columns(task, name, ops.cast(ops.convert_to_tensor(y_true), dtype), pred)
    known = ops.logical_not(ops.isnan(true))
    if task.missing is not None:
        known = ops.logical_and(known, true != task.missing)
    if not elementwise:
        known = ops.all(known, axis=-1, keepdims=True)
    each = ops.logical_and(known, ops.expand_dims(padding, -1))
    return Labels(
        task.label_kind.from_columns(ops.where(each, true, ops.zeros_like(true))),
        ops.where(each, pred, ops.ones_like(pred)),
        each if elementwise else ops.squeeze(each, -1),
    )


def check_labels(owner: str, name: str, task: Task, labels: np.ndarray) -> None:
    """Checks the values of the labels in an array.

    Args:
        owner: The class, for the error message.
        name: The head's name.
        task: The head's task.
        labels: The labels.

    Raises:
        ValueError: a value is not one of the task's labels.
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
    wrong = ~task.label_kind.are_legal(values)
    if wrong.any():
        raise ValueError(
            f"{owner}: the labels of {name!r} must be {task.label_kind.expected}, got "
            f"{values[wrong][0].item()!r}; a missing label must be NaN or the task's "
            "'missing'"
        )


def _columns(task: Task, name: str, true: Any, pred: Any) -> Any:
    """Labels of shape `(batch, ..., width)`, for predictions of as many axes."""
    kind, rank = task.label_kind, len(pred.shape)
    columns = kind.columns(true, rank)
    if columns is not None:
        return columns
    expected = ", ".join(["batch", *["..."] * (rank > 2), *map(str, kind.shape)])
    raise ValueError(
        f"MultiHeadOutput: the labels of {name!r}, a {type(task).__name__}, must have "
        f"the shape ({expected}), got {tuple(true.shape)}"
        f"{kind.hint if len(true.shape) == rank else ''}"
    )


class Values(keras.losses.Loss):
    """Returns its first argument, masked by the second's Keras mask, and reduced."""

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return y_true


def _keras_mask(y_pred: Any) -> Any:
    """The Keras mask of predictions, all True where there is none.

    Keras has no public way to read it, but a loss applies it.
    """
    first = ops.stop_gradient(ops.convert_to_tensor(y_pred))[..., 0]
    ones = ops.ones_like(first, dtype=keras.config.floatx())
    return Values(reduction="none")(ones, y_pred) > 0
