"""The kinds of `Task`: numbers, classes, labels, levels, counts and quantiles."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import is_positive_int, positive_int
from kerasblocks.heads.continuation_ratio import ContinuationRatio
from kerasblocks.heads.ordered import Ordered
from kerasblocks.heads.task import Task, takes_integers
from kerasblocks.losses.pinball import Pinball, check_quantiles
from kerasblocks.metrics.coverage import Coverage
from kerasblocks.metrics.level_error import LevelError


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
        loss_weight: The weight of the head's loss.
        missing: A label that stands for none, beside NaN.

    Example:
        >>> Regression(missing=-999).label_shape
        (1,)
    """

    elementwise = True

    def __init__(
        self,
        units: int = 1,
        *,
        activation: Any = None,
        loss: Any = "mean_squared_error",
        metrics: Sequence[Any] | None = ("mean_absolute_error",),
        hidden: Sequence[Any] = (),
        loss_weight: float = 1.0,
        missing: float | None = None,
    ):
        positive_int(self._owner, "units", units)
        super().__init__(
            units, activation, loss, metrics, hidden, loss_weight, missing=missing
        )


@keras.saving.register_keras_serializable(package="kerasblocks")
class Count(Task):
    """How many: positive outputs and the loss of a Poisson distribution.

    Label shape: `(units,)`, 0 or more; for one unit a plain number does too.

    Args:
        units: How many counts.
        activation: The activation of the outputs, which must be positive.
        loss: A Keras loss.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.
        loss_weight: The weight of the head's loss.
        missing: A label that stands for none, beside NaN.

    Example:
        >>> Count().loss
        'poisson'

    Reference: Nelder and Wedderburn, Generalized Linear Models, JRSS A 135, 1972.
    """

    elementwise = True

    def __init__(
        self,
        units: int = 1,
        *,
        activation: Any = "softplus",
        loss: Any = "poisson",
        metrics: Sequence[Any] | None = ("mean_absolute_error",),
        hidden: Sequence[Any] = (),
        loss_weight: float = 1.0,
        missing: float | None = None,
    ):
        positive_int(self._owner, "units", units)
        super().__init__(
            units, activation, loss, metrics, hidden, loss_weight, missing=missing
        )


@keras.saving.register_keras_serializable(package="kerasblocks")
class Binary(Task):
    """Yes or no: one sigmoid and binary cross-entropy.

    Label shape: `(1,)` with 0 or 1; a plain number does too.

    Args:
        activation: The activation of the output.
        loss: A Keras loss.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.
        loss_weight: The weight of the head's loss.
        class_weight: A weight for 0 and for 1, as a dict or a list of two.
        label_smoothing: Labels become this much nearer to 0.5, times 2.
        missing: A label that stands for none, beside NaN.

    Example:
        >>> Binary(hidden=[16], class_weight={1: 10.0}).class_weight
        [1.0, 10.0]
    """

    elementwise = True
    classes = 2

    def __init__(
        self,
        *,
        activation: Any = "sigmoid",
        loss: Any = "binary_crossentropy",
        metrics: Sequence[Any] | None = ("binary_accuracy",),
        hidden: Sequence[Any] = (),
        loss_weight: float = 1.0,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        missing: float | None = None,
    ):
        super().__init__(
            1,
            activation,
            loss,
            metrics,
            hidden,
            loss_weight,
            class_weight=class_weight,
            label_smoothing=label_smoothing,
            missing=missing,
        )

    def sample_class_weights(self, labels: Any) -> Any:
        no, yes = self.class_weight or (1.0, 1.0)
        return no * (1 - labels) + yes * labels

    def smooth(self, labels: Any) -> Any:
        return labels * (1 - self.label_smoothing) + self.label_smoothing / 2


@keras.saving.register_keras_serializable(package="kerasblocks")
class Multilabel(Task):
    """Any of several labels at once: a sigmoid each and binary cross-entropy.

    Label shape: `(labels,)` with 0 or 1; each can be missing on its own.

    Args:
        labels: How many labels.
        activation: The activation of the outputs.
        loss: A Keras loss.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.
        loss_weight: The weight of the head's loss.
        class_weight: A weight for the loss of each label, as a list or as a dict by
            their positions.
        label_smoothing: Labels become this much nearer to 0.5, times 2.
        missing: A label that stands for none, beside NaN.

    Example:
        >>> Multilabel(5).label_shape
        (5,)
    """

    elementwise = True
    classes = 2

    def __init__(
        self,
        labels: int,
        *,
        activation: Any = "sigmoid",
        loss: Any = "binary_crossentropy",
        metrics: Sequence[Any] | None = ("binary_accuracy",),
        hidden: Sequence[Any] = (),
        loss_weight: float = 1.0,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        missing: float | None = None,
    ):
        self.labels = positive_int(self._owner, "labels", labels)
        super().__init__(
            labels,
            activation,
            loss,
            metrics,
            hidden,
            loss_weight,
            class_weight=class_weight,
            label_smoothing=label_smoothing,
            missing=missing,
        )

    @property
    def class_weights(self) -> int:
        return self.labels

    def sample_class_weights(self, labels: Any) -> Any:
        weights = ops.convert_to_tensor(self.class_weight, dtype=labels.dtype)
        return ops.broadcast_to(weights, ops.shape(labels))

    def smooth(self, labels: Any) -> Any:
        return labels * (1 - self.label_smoothing) + self.label_smoothing / 2


@keras.saving.register_keras_serializable(package="kerasblocks")
class Multiclass(Task):
    """One of several classes: softmax and cross-entropy.

    Label shape: `()`, the class as an integer, for a loss with "sparse" in its name or
    that of its class; for any other `(classes,)`, one-hot labels.

    Args:
        classes: How many classes, at least 2.
        activation: The activation of the outputs.
        loss: A Keras loss.
        metrics: A list of Keras metrics; None for the accuracy that fits the loss.
        hidden: Layers between the shared features and the head's Dense layer.
        loss_weight: The weight of the head's loss.
        class_weight: A weight for each class, as a list or as a dict by their numbers.
        label_smoothing: How much of a label is spread evenly over all classes.
        missing: A label that stands for none, beside NaN; such as -1.

    Example:
        >>> Multiclass(10, missing=-1).units, Multiclass(10).label_shape
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
        loss_weight: float = 1.0,
        class_weight: Any = None,
        label_smoothing: float = 0.0,
        missing: float | None = None,
    ):
        self.classes = _at_least_two(self._owner, "classes", classes)
        super().__init__(
            classes,
            activation,
            loss,
            metrics,
            hidden,
            loss_weight,
            class_weight=class_weight,
            label_smoothing=label_smoothing,
            missing=missing,
        )
        self._sparse = takes_integers(loss)

    @property
    def label_shape(self) -> tuple[int, ...]:
        return () if self._sparse else (self.units,)

    def default_metrics(self) -> list[Any]:
        return [f"{'sparse_' if self._sparse else ''}categorical_accuracy"]

    def sample_class_weights(self, labels: Any) -> Any:
        if self._sparse:
            return super().sample_class_weights(labels)
        weights = ops.convert_to_tensor(self.class_weight, dtype=labels.dtype)
        return ops.sum(labels * weights, axis=-1)

    def smooth(self, labels: Any) -> Any:
        if self._sparse:
            labels = ops.one_hot(ops.cast(labels, "int32"), self.units)
        evenly = self.label_smoothing / self.units
        return labels * (1 - self.label_smoothing) + evenly


@keras.saving.register_keras_serializable(package="kerasblocks")
class Ordinal(Task):
    """One of several levels in order, such as stars: a continuation-ratio model.

    The outputs are the probabilities of the levels. They come from `levels - 1`
    chances to go on to the next level, so that levels that are near each other are
    likely together.

    Label shape: `()`, the level as an integer from 0.

    Args:
        levels: How many levels, at least 2.
        loss: A Keras loss that takes integers.
        metrics: A list of Keras metrics.
        hidden: Layers between the shared features and the head's Dense layer.
        loss_weight: The weight of the head's loss.
        class_weight: A weight for each level, as a list or as a dict by their numbers.
        missing: A label that stands for none, beside NaN; such as -1.

    Example:
        >>> Ordinal(5).units, Ordinal(5).label_shape
        (4, ())

    References: Fienberg, The Analysis of Cross-Classified Categorical Data, 1980;
    Shi, Cao and Raschka, Deep Neural Networks for Rank-Consistent Ordinal Regression
    Based on Conditional Probabilities, Pattern Analysis and Applications 26, 2023.
    """

    def __init__(
        self,
        levels: int,
        *,
        loss: Any = "sparse_categorical_crossentropy",
        metrics: Sequence[Any] | None = None,
        hidden: Sequence[Any] = (),
        loss_weight: float = 1.0,
        class_weight: Any = None,
        missing: float | None = None,
    ):
        self.levels = self.classes = _at_least_two(self._owner, "levels", levels)
        super().__init__(
            levels - 1,
            ContinuationRatio(),
            loss,
            metrics,
            hidden,
            loss_weight,
            class_weight=class_weight,
            missing=missing,
        )

    @property
    def label_shape(self) -> tuple[int, ...]:
        return ()

    def default_metrics(self) -> list[Any]:
        return ["sparse_categorical_accuracy", LevelError()]


@keras.saving.register_keras_serializable(package="kerasblocks")
class Quantile(Task):
    """Quantiles of a number, such as a range that holds 9 of 10: the pinball loss.

    The outputs are in the order of the quantiles and never cross.

    Label shape: `(1,)`; a plain number does too.

    Args:
        quantiles: The quantiles between 0 and 1, increasing.
        metrics: A list of Keras metrics; None for the share of labels between the
            first and the last quantile.
        hidden: Layers between the shared features and the head's Dense layer.
        loss_weight: The weight of the head's loss.
        missing: A label that stands for none, beside NaN.

    Example:
        >>> Quantile([0.05, 0.5, 0.95]).units
        3

    Reference: Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978.
    """

    def __init__(
        self,
        quantiles: Sequence[float] = (0.1, 0.5, 0.9),
        *,
        metrics: Sequence[Any] | None = None,
        hidden: Sequence[Any] = (),
        loss_weight: float = 1.0,
        missing: float | None = None,
    ):
        self.quantiles = check_quantiles(self._owner, quantiles)
        super().__init__(
            len(self.quantiles),
            Ordered(),
            Pinball(self.quantiles),
            metrics,
            hidden,
            loss_weight,
            missing=missing,
        )

    @property
    def label_shape(self) -> tuple[int, ...]:
        return (1,)

    def default_metrics(self) -> list[Any]:
        return [Coverage()] if self.units > 1 else []


def _at_least_two(owner: str, argument: str, value: Any) -> int:
    if not is_positive_int(value) or value < 2:
        raise ValueError(
            f"{owner}: '{argument}' must be an int of at least 2, got {value!r}"
        )
    return int(value)
