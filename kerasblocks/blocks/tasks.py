"""Tasks: what a head of `MultiHeadOutput` predicts, with its loss and metrics."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.arguments import is_positive_int, positive_int
from kerasblocks.blocks.templates import check_activation
from kerasblocks.config import ConfigFromSignature


class Task(ConfigFromSignature):
    """One head: its activation, loss, metrics and the shape of a label.

    Args:
        units: The number of outputs.
        activation: The activation of the outputs.
        loss: A Keras loss, as `compile` takes it.
        metrics: A list of Keras metrics, as `compile` takes them.
        hidden: Layers between the shared features and the head's own Dense layer: a
            number stands for a Dense layer with so many units and ReLU.

    Raises:
        ValueError: an argument is not one of the above.
    """

    def __init__(
        self,
        units: int,
        activation: Any,
        loss: Any,
        metrics: Sequence[Any],
        hidden: Sequence[int | keras.layers.Layer],
    ):
        self.activation = check_activation(self._owner, activation)
        self.loss = loss
        self.metrics = list(metrics)
        self.hidden = list(hidden)
        for layer in self.hidden:
            if not is_positive_int(layer) and not isinstance(layer, keras.layers.Layer):
                raise ValueError(
                    f"{self._owner}: 'hidden' must be a list of positive ints or Keras "
                    f"layers, got {layer!r}"
                )
        self.units = units

    @property
    def _owner(self) -> str:
        return type(self).__name__

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of one sample's label."""
        return (self.units,)

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


@keras.saving.register_keras_serializable(package="kerasblocks")
class Regression(Task):
    """Real numbers: linear outputs and the mean squared error.

    Label shape: `(units,)`; for one unit a plain number does too.

    Args:
        units: How many numbers.
        activation: The activation of the outputs.
        loss: A Keras loss.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.

    Example:
        >>> Regression().label_shape
        (1,)
    """

    def __init__(
        self,
        units: int = 1,
        *,
        activation: Any = None,
        loss: Any = "mean_squared_error",
        metrics: Sequence[Any] = ("mean_absolute_error",),
        hidden: Sequence[Any] = (),
    ):
        positive_int(self._owner, "units", units)
        super().__init__(units, activation, loss, metrics, hidden)


@keras.saving.register_keras_serializable(package="kerasblocks")
class Binary(Task):
    """Yes or no: one sigmoid and binary cross-entropy.

    Label shape: `(1,)` with 0 or 1; a plain number does too.

    Args:
        activation: The activation of the output.
        loss: A Keras loss.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.

    Example:
        >>> Binary(hidden=[16]).label_shape
        (1,)
    """

    def __init__(
        self,
        *,
        activation: Any = "sigmoid",
        loss: Any = "binary_crossentropy",
        metrics: Sequence[Any] = ("binary_accuracy",),
        hidden: Sequence[Any] = (),
    ):
        super().__init__(1, activation, loss, metrics, hidden)


@keras.saving.register_keras_serializable(package="kerasblocks")
class Multiclass(Task):
    """One of several classes: softmax and cross-entropy.

    Label shape: `()`, the class as an integer; `(classes,)` for one-hot labels, with
    `loss="categorical_crossentropy"`.

    Args:
        classes: How many classes, at least 2.
        activation: The activation of the outputs.
        loss: A Keras loss.
        metrics: A list of Keras metrics; None for the accuracy that fits the loss.
        hidden: Layers between the shared features and the head's Dense layer.

    Example:
        >>> Multiclass(10).units, Multiclass(10).label_shape
        (10, ())
    """

    def __init__(
        self,
        classes: int,
        *,
        activation: Any = "softmax",
        loss: Any = "sparse_categorical_crossentropy",
        metrics: Sequence[Any] | None = None,
        hidden: Sequence[Any] = (),
    ):
        if not is_positive_int(classes) or classes < 2:
            raise ValueError(
                f"{self._owner}: 'classes' must be an int of at least 2, "
                f"got {classes!r}"
            )
        sparse = "sparse" in loss_name(loss)
        if metrics is None:
            metrics = [f"{'sparse_' if sparse else ''}categorical_accuracy"]
        super().__init__(classes, activation, loss, metrics, hidden)
        self.classes = classes
        self._sparse = sparse

    @property
    def label_shape(self) -> tuple[int, ...]:
        return () if self._sparse else (self.units,)


@keras.saving.register_keras_serializable(package="kerasblocks")
class Multilabel(Task):
    """Any of several labels at once: a sigmoid each and binary cross-entropy.

    Label shape: `(labels,)` with 0 or 1.

    Args:
        labels: How many labels.
        activation: The activation of the outputs.
        loss: A Keras loss.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.

    Example:
        >>> Multilabel(5).label_shape
        (5,)
    """

    def __init__(
        self,
        labels: int,
        *,
        activation: Any = "sigmoid",
        loss: Any = "binary_crossentropy",
        metrics: Sequence[Any] = ("binary_accuracy",),
        hidden: Sequence[Any] = (),
    ):
        positive_int(self._owner, "labels", labels)
        super().__init__(labels, activation, loss, metrics, hidden)
        self.labels = labels


def loss_name(loss: Any) -> str:
    """The snake-case name of a loss given as a name, function or object."""
    name = loss if isinstance(loss, str) else getattr(loss, "name", None)
    return name or getattr(loss, "__name__", type(loss).__name__)
