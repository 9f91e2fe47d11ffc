"""`TaskLoss`: the loss of one head, over the labels that are present."""

from __future__ import annotations

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

import keras
from keras import ops

from kerasblocks.heads.labels import Values, read_labels
from kerasblocks.heads.task import Task

_balanced = contextvars.ContextVar("balanced", default=False)

_ELEMENTWISE = {
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "binary_crossentropy",
    "binary_focal_crossentropy",
    "hinge",
    "squared_hinge",
    "huber",
    "log_cosh",
    "poisson",
}
_FUNCTIONS = {getattr(keras.losses, name) for name in _ELEMENTWISE}
_CLASSES = tuple(
    getattr(keras.losses, "".join(part.title() for part in name.split("_")))
    for name in sorted(_ELEMENTWISE)
)


@keras.saving.register_keras_serializable(package="kerasblocks")
class TaskLoss(keras.losses.Loss):
    """The loss of a task over the labels that are present.

    It equals the task's own loss on the samples whose labels are present. Where that
    loss is a mean over independent numbers, it equals the loss on the numbers that are
    present. Without any label it is 0. Class weights and label smoothing are applied
    here.

    Shape of the labels: `(batch, ..., *label_shape)`.
    Shape of the predictions: `(batch, ..., outputs)`.

    Args:
        task: A `Task`.
        name: The head's name.
        balanced: Whether the loss may only be used in a `MultiHeadModel`, which
            balances it against the others.

    Example:
        >>> from kerasblocks.heads import Regression
        >>> labels, predictions = [[1.0], [float("nan")]], [[3.0], [5.0]]
        >>> float(TaskLoss(Regression())(labels, predictions))
        4.0
    """

    def __init__(self, task: Task, name: str = "task_loss", balanced: bool = False):
        self.task = task
        self.balanced = balanced
        loss = keras.losses.get(task.loss)
        self.elementwise = task.elementwise and (
            loss in _FUNCTIONS or isinstance(loss, _CLASSES)
        )
        if task.class_weight is not None and task.elementwise and not self.elementwise:
            raise ValueError(
                f"{type(task).__name__}: 'class_weight' needs a Keras loss that is a "
                f"mean over independent numbers, got loss={task.loss!r}"
            )
        values = _smoothed(task, loss) if task.label_smoothing else loss
        # Without the reduction of a loss object.
        is_object = isinstance(values, keras.losses.Loss)
        self._values = values.call if is_object else values
        super().__init__(
            name=name, reduction=getattr(loss, "reduction", "sum_over_batch_size")
        )

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        if self.balanced and not _balanced.get():
            raise ValueError(
                "MultiHeadOutput: 'balancing' needs a kerasblocks.MultiHeadModel; got "
                "a model of another class"
            )
        values, shares = self.sample_values(y_true, y_pred)
        return self._reduce(values, shares, sample_weight)

    def sample_values(self, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
        """The loss of each sample, 0 where missing, and the share that is present."""
        task, kind = self.task, self.task.label_kind
        true, pred, present = read_labels(
            task, self.name, y_true, y_pred, elementwise=self.elementwise
        )
        weights = None
        if task.class_weight is not None:
            weights = ops.convert_to_tensor(task.class_weight, dtype=true.dtype)
            weights = kind.weigh(true, weights)
        if task.label_smoothing:
            true = kind.smooth(true, task.label_smoothing)
        if self.elementwise:
            true, pred = ops.expand_dims(true, -1), ops.expand_dims(pred, -1)
        values = ops.convert_to_tensor(self._values(true, pred))
        if not _fits(values.shape, present.shape):
            raise ValueError(
                f"MultiHeadOutput: the loss of {self.name!r} must give a value for "
                f"each sample, of shape {tuple(present.shape)}, got {values.shape}"
            )
        values = ops.where(present, values, ops.zeros_like(values))
        if weights is not None:
            values = values * weights
        shares = ops.cast(present, values.dtype)
        if self.elementwise:
            values, shares = ops.mean(values, axis=-1), ops.mean(shares, axis=-1)
        return values, shares

    def call(self, y_true: Any, y_pred: Any) -> Any:
        return self.sample_values(y_true, y_pred)[0]

    def get_config(self) -> dict[str, Any]:
        return {
            "task": keras.saving.serialize_keras_object(self.task),
            "name": self.name,
            "balanced": self.balanced,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TaskLoss:
        task = keras.saving.deserialize_keras_object(config["task"])
        return cls(**{**config, "task": task})

    def _reduce(self, values: Any, shares: Any, sample_weight: Any) -> Any:
        """The reduction of the present values alone.

        Keras' own reductions compute it, so that they can account for replicas.
        """
        reduce = Values(reduction=self.reduction)
        total = reduce(values, values, sample_weight)
        if self.reduction in (None, "none", "sum"):
            return total
        weighted = self.reduction == "mean_with_sample_weight"
        share = reduce(shares, shares, sample_weight if weighted else None)
        one = reduce(ops.ones_like(shares), shares)
        return ops.divide_no_nan(total * one, share)


@contextlib.contextmanager
def balanced_losses() -> Iterator[None]:
    """The scope in which losses with `balanced=True` may be computed."""
    token = _balanced.set(True)
    try:
        yield
    finally:
        _balanced.reset(token)


def _fits(shape: Any, other: Any) -> bool:
    """Whether two shapes are the same, as far as they are known."""
    return len(shape) == len(other) and all(
        a == b for a, b in zip(shape, other, strict=True) if None not in (a, b)
    )


def _smoothed(task: Task, loss: Any) -> Any:
    """The loss for the task's labels once they are smoothed."""
    smoothed = task.label_kind.smoothed_loss(loss)
    if smoothed is None:
        raise ValueError(
            f"{type(task).__name__}: 'label_smoothing' of labels that are integers "
            f"needs the sparse categorical crossentropy, got loss={task.loss!r}"
        )
    return smoothed
