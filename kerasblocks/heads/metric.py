"""`TaskMetric`: a metric of one head, over the labels that are present."""

from __future__ import annotations

from typing import Any

import keras
from keras import metrics, ops

from kerasblocks.core.arguments import did_you_mean
from kerasblocks.heads.labels import read_labels
from kerasblocks.heads.task import Task

_ELEMENTWISE = (
    metrics.BinaryAccuracy,
    metrics.BinaryCrossentropy,
    metrics.BinaryIoU,
    metrics.FalseNegatives,
    metrics.FalsePositives,
    metrics.Hinge,
    metrics.LogCoshError,
    metrics.MeanAbsoluteError,
    metrics.MeanAbsolutePercentageError,
    metrics.MeanSquaredError,
    metrics.MeanSquaredLogarithmicError,
    metrics.Poisson,
    metrics.RootMeanSquaredError,
    metrics.SquaredHinge,
    metrics.TrueNegatives,
    metrics.TruePositives,
)
_ACCURACY = ("accuracy", "acc")


@keras.saving.register_keras_serializable(package="kerasblocks")
class TaskMetric(keras.metrics.Metric):
    """A Keras metric over the labels of a head that are present.

    A missing label gets the sample weight 0. In a metric that is a mean over
    independent numbers, each number of a label counts on its own. In any other metric
    a label counts only if none of its numbers is missing.

    Args:
        task: A `Task`.
        metric: A Keras metric, its name or a function, as `compile` takes them.
        head: The head's name, for error messages.
        name: The name of the metric.
        dtype: Its dtype.

    Raises:
        ValueError: Keras does not know the metric.

    Example:
        >>> from kerasblocks.heads import Binary
        >>> metric = TaskMetric(Binary(missing=-1), "binary_accuracy")
        >>> metric.update_state([1, -1, 0], [[0.9], [0.9], [0.9]])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self,
        task: Task,
        metric: Any,
        head: str = "",
        name: str | None = None,
        dtype: Any = None,
    ):
        inner = _get(task, metric)
        super().__init__(name=name or inner.name, dtype=dtype)
        self.task = task
        self.metric = metric
        self.head = head
        self.inner = inner
        self.elementwise = task.elementwise and isinstance(inner, _ELEMENTWISE)

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        true, pred, present = read_labels(
            self.task, self.head, y_true, y_pred, elementwise=self.elementwise
        )
        weights = ops.cast(present, pred.dtype)
        if sample_weight is not None:
            weights = weights * _as_weights(sample_weight, weights)
        if self.elementwise:
            true, pred = ops.reshape(true, (-1, 1)), ops.reshape(pred, (-1, 1))
            weights = ops.reshape(weights, (-1,))
        self.inner.update_state(true, pred, sample_weight=weights)

    def result(self) -> Any:
        return self.inner.result()

    def reset_state(self) -> None:
        self.inner.reset_state()

    def get_config(self) -> dict[str, Any]:
        return {
            "task": keras.saving.serialize_keras_object(self.task),
            "metric": keras.saving.serialize_keras_object(self.metric),
            "head": self.head,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> TaskMetric:
        read = keras.saving.deserialize_keras_object
        own = {name: read(config[name]) for name in ("task", "metric")}
        return cls(**{**config, **own})


def _as_weights(sample_weight: Any, like: Any) -> Any:
    """Sample weights with as many axes as `like`, the new ones of size 1."""
    weights = ops.cast(ops.convert_to_tensor(sample_weight), like.dtype)
    while len(weights.shape) > len(like.shape) and weights.shape[-1] == 1:
        weights = ops.squeeze(weights, -1)
    while len(weights.shape) < len(like.shape):
        weights = ops.expand_dims(weights, -1)
    return weights


def _get(task: Task, metric: Any) -> metrics.Metric:
    """The metric object for a name, a function or a metric."""
    if isinstance(metric, metrics.Metric):
        return metric
    if isinstance(metric, str) and metric.lower() in _ACCURACY:
        accuracy = {"class_name": task.label_kind.accuracy, "config": {"name": metric}}
        return metrics.deserialize(accuracy)
    try:
        found = metrics.get(metric)
        if found is None:
            raise ValueError
    except ValueError:
        known = [name for name in dir(metrics) if name[0].isupper()]
        raise ValueError(
            f"{type(task).__name__}: a metric must be a Keras metric, its name or a "
            f"function, got {metric!r}{did_you_mean(metric, known)}"
        ) from None
    if isinstance(found, metrics.Metric):
        return found
    return metrics.MeanMetricWrapper(found, name=found.__name__)
