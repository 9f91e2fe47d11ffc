"""`Task`: what one head of `MultiHeadOutput` predicts, and how it is judged."""

from __future__ import annotations

import math
import numbers
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from kerasblocks.core.activations import check_activation
from kerasblocks.core.arguments import did_you_mean, is_positive_int, non_negative
from kerasblocks.core.config import ConfigFromSignature


class Task(ConfigFromSignature):
    """One head: its activation, loss, metrics and the shape of a label.

    A label that is NaN, or equal to `missing`, is missing: the head's loss and metrics
    are those of the labels that are present.

    Args:
        units: The number of units of the head's Dense layer.
        activation: The activation of the outputs.
        loss: A Keras loss, as `compile` takes it.
        metrics: A list of Keras metrics, or one, as `compile` takes them; None for
            those of the kind of task.
        hidden: Layers between the shared features and the head's own Dense layer: a
            number stands for a Dense layer with so many units and ReLU.
        loss_weight: The weight of the head's loss in the sum of the losses.
        class_weight: A weight for some classes, by their number, or one for each.
        label_smoothing: How much of a label is spread over all classes, below 1.
        missing: A label that stands for none, beside NaN.

    Raises:
        ValueError: an argument is not one of the above.
    """

    classes: int | None = None
    """How many classes a label can name; None for labels that are not classes."""

    @property
    def class_weights(self) -> int:
        """How many class weights there are."""
        return self.classes or 0

    elementwise: ClassVar[bool] = False
    """Whether a label is so many numbers that can each be missing on their own."""

    def __init__(
        self,
        units: int,
        activation: Any,
        loss: Any,
        metrics: Sequence[Any] | None,
        hidden: Sequence[int | keras.layers.Layer],
        loss_weight: float = 1.0,
        *,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        missing: float | None = None,
    ):
        self.activation = check_activation(self._owner, activation)
        self.loss = _check_loss(self._owner, loss)
        self.metrics = None if metrics is None else as_list(metrics)
        many = isinstance(hidden, list | tuple)
        for layer in hidden if many else [None]:
            if not is_positive_int(layer) and not isinstance(layer, keras.layers.Layer):
                raise ValueError(
                    f"{self._owner}: 'hidden' must be a list of positive ints or Keras "
                    f"layers, got {layer if many else hidden!r}"
                )
        self.hidden = list(hidden)
        self.units = units
        self.loss_weight = non_negative(self._owner, "'loss_weight'", loss_weight)
        self.class_weight = self._check_class_weight(class_weight)
        smoothing = non_negative(self._owner, "'label_smoothing'", label_smoothing)
        if smoothing >= 1:
            raise ValueError(
                f"{self._owner}: 'label_smoothing' must be less than 1, "
                f"got {label_smoothing!r}"
            )
        self.label_smoothing = smoothing
        self.missing = self._check_missing(missing)

    @property
    def _owner(self) -> str:
        return type(self).__name__

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of one sample's label, () for the number of a class."""
        return (self.units,)

    @property
    def used_metrics(self) -> list[Any]:
        """The metrics that were given, or those of the kind of task."""
        return self.default_metrics() if self.metrics is None else self.metrics

    def default_metrics(self) -> list[Any]:
        """The metrics where none are given."""
        return []

    def sample_class_weights(self, labels: Any) -> Any:
        """The class weight of each label, by its number; for vectors see subclasses."""
        return ops.take(
            ops.convert_to_tensor(self.class_weight, dtype=labels.dtype),
            ops.cast(labels, "int32"),
        )

    def smooth(self, labels: Any) -> Any:
        """Labels of which `label_smoothing` is spread over all classes."""
        raise NotImplementedError(f"{self._owner} has no label smoothing")

    def make_hidden(self, dtype: Any) -> list[keras.layers.Layer]:
        """The layers of `hidden`, numbers made Dense layers."""
        return [
            keras.layers.Dense(
                layer, activation="relu", name=f"hidden_{position}", dtype=dtype
            )
            if is_positive_int(layer)
            else layer
            for position, layer in enumerate(self.hidden, start=1)
        ]

    def __repr__(self) -> str:
        arguments = ", ".join(
            f"{k}={getattr(self, k)!r}" for k in self.argument_names()
        )
        return f"{self._owner}({arguments})"

    def _check_class_weight(self, weights: Any) -> list[float] | None:
        """A weight for each class, 1 for those that are not named."""
        if weights is None:
            return None
        classes = self.class_weights
        if isinstance(weights, np.ndarray):
            weights = weights.tolist()  # of scikit-learn's compute_class_weight
        if isinstance(weights, Mapping):
            for name in weights:
                if name not in range(classes) or isinstance(name, bool):
                    raise ValueError(
                        f"{self._owner}: 'class_weight' must be a dict by the numbers "
                        f"of the classes, 0 to {classes - 1}, got {name!r} among them"
                    )
            weights = [weights.get(number, 1.0) for number in range(classes)]
        if isinstance(weights, str) or not isinstance(weights, Sequence):
            raise ValueError(
                f"{self._owner}: 'class_weight' must be a dict or a list of numbers, "
                f"got {weights!r}"
            )
        if len(weights) != classes:
            raise ValueError(
                f"{self._owner}: 'class_weight' must have a weight for each of the "
                f"{classes} classes, got {len(weights)}"
            )
        what = "a weight in 'class_weight'"
        return [non_negative(self._owner, what, weight) for weight in weights]

    def _check_missing(self, missing: Any) -> float | None:
        if missing is None:
            return None
        if isinstance(missing, bool) or not isinstance(missing, numbers.Real):
            raise ValueError(
                f"{self._owner}: 'missing' must be a number or None, got {missing!r}"
            )
        if self.classes and missing in range(self.classes):
            raise ValueError(
                f"{self._owner}: 'missing' must be a number that is no class, "
                f"got {missing!r} where the classes are 0 to {self.classes - 1}"
            )
        # NaN is missing by itself, and as an argument would equal nothing.
        if math.isnan(missing):
            return None
        return int(missing) if isinstance(missing, numbers.Integral) else float(missing)


def replaced(task: Task, **arguments: Any) -> Task:
    """A task with some arguments replaced."""
    for argument in arguments:
        if argument not in task.argument_names():
            raise ValueError(
                f"{type(task).__name__}: takes no other {argument!r} than its own"
            )
    return type(task)(
        **{name: getattr(task, name) for name in task.argument_names()} | arguments
    )


def takes_integers(loss: Any) -> bool:
    """Whether a loss is one of integers, by its name or that of its class."""
    names = [getattr(loss, name, "") for name in ("name", "__name__")]
    names += [loss, type(loss).__name__]
    return any(isinstance(n, str) and "sparse" in n.lower() for n in names)


def as_list(metrics: Any) -> list[Any]:
    """Metrics as a list, where one may come alone."""
    return list(metrics) if isinstance(metrics, list | tuple) else [metrics]


def _check_loss(owner: str, loss: Any) -> Any:
    """Returns `loss` if Keras knows it, else raises."""
    if isinstance(loss, str):
        try:
            keras.losses.get(loss)
        except ValueError:
            known = [name for name in dir(keras.losses) if not name.startswith("_")]
            raise ValueError(
                f"{owner}: 'loss' must be a Keras loss, its name or a function, "
                f"got {loss!r}{did_you_mean(loss, known)}"
            ) from None
    elif not callable(loss):
        raise ValueError(
            f"{owner}: 'loss' must be a Keras loss, its name or a function, "
            f"got {loss!r}"
        )
    return loss
