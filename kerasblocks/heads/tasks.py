"""The tasks: numbers, counts, quantiles, classes, levels, and labels of 0 or 1."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from typing import Any

import keras

from kerasblocks.core.activations import check_activation
from kerasblocks.core.arguments import is_positive_int, positive_int
from kerasblocks.heads.activations import ContinuationRatio, Ordered
from kerasblocks.heads.label_kinds import (
    Bit,
    Bits,
    ClassIndex,
    LabelKind,
    Numbers,
    OneHot,
)
from kerasblocks.heads.task import (
    Task,
    check_loss,
    check_smoothing,
    checked,
)
from kerasblocks.losses.pinball import Pinball, check_quantiles
from kerasblocks.metrics.coverage import Coverage
from kerasblocks.metrics.level_error import LevelError


def _at_least_two(owner: str, argument: str, value: Any) -> int:
    if not is_positive_int(value) or value < 2:
        raise ValueError(
            f"{owner}: '{argument}' must be an int of at least 2, got {value!r}"
        )
    return int(value)


def _quantiles(owner: str, argument: str, value: Any) -> tuple[float, ...]:
    return tuple(check_quantiles(owner, value))


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Regression(Task):
    """Real numbers: linear outputs and the mean squared error.

    Label shape: `(units,)`. With one unit, a plain number works too.

    Args:
        units: How many numbers.
        activation: The activation of the outputs.
        loss: A Keras loss.
        metrics, hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Regression(missing=-999).label_shape
        (1,)
    """

    units: int = checked(positive_int, 1)
    _: KW_ONLY
    activation: Any = checked(check_activation, None)
    loss: Any = checked(check_loss, "mean_squared_error")

    @property
    def label_kind(self) -> LabelKind:
        return Numbers(self.units)


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Count(Task):
    """How many: positive outputs and the loss of a Poisson distribution.

    Label shape: `(units,)`, 0 or more. With one unit, a plain number works too.

    Args:
        units: How many counts.
        activation: The activation of the outputs, which must be positive.
        loss: A Keras loss.
        metrics, hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Count().loss
        'poisson'

    Reference: Nelder and Wedderburn, Generalized Linear Models, JRSS A 135, 1972.
    """

    units: int = checked(positive_int, 1)
    _: KW_ONLY
    activation: Any = checked(check_activation, "softplus")
    loss: Any = checked(check_loss, "poisson")

    @property
    def label_kind(self) -> LabelKind:
        return Numbers(self.units)


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Quantile(Task):
    """Quantiles of a number, such as a range that holds 9 of 10: the pinball loss.

    The outputs are in the order of the quantiles and never cross.

    Label shape: `(1,)`. A plain number works too.

    Args:
        quantiles: The quantiles between 0 and 1, increasing.
        metrics: See `Task`. By default, the share of labels between the first and the
            last quantile.
        hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Quantile([0.05, 0.5, 0.95]).units
        3

    Reference: Koenker and Bassett, Regression Quantiles, Econometrica 46, 1978.
    """

    quantiles: Sequence[float] = checked(_quantiles, (0.1, 0.5, 0.9))

    @property
    def label_kind(self) -> LabelKind:
        return Numbers(1)

    @property
    def units(self) -> int:
        return len(self.quantiles)

    @property
    def activation(self) -> keras.layers.Layer:
        return Ordered()

    @property
    def loss(self) -> keras.losses.Loss:
        return Pinball(self.quantiles)

    @property
    def default_metrics(self) -> list[Any]:
        return [Coverage()] if self.units > 1 else []


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Binary(Task):
    """Yes or no: one sigmoid and binary cross-entropy.

    Label shape: `(1,)` with 0 or 1. A plain number works too.

    Args:
        activation: The activation of the output.
        loss: A Keras loss.
        class_weight: A weight for 0 and one for 1, as a dict or a list.
        label_smoothing: Moves labels towards 0.5: a label `y` becomes
            `y * (1 - label_smoothing) + label_smoothing / 2`.
        metrics, hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Binary(hidden=[16], class_weight={1: 10.0}).class_weight
        (1.0, 10.0)
    """

    _: KW_ONLY
    activation: Any = checked(check_activation, "sigmoid")
    loss: Any = checked(check_loss, "binary_crossentropy")
    class_weight: Any = None
    label_smoothing: float = checked(check_smoothing, 0.0)

    @property
    def label_kind(self) -> LabelKind:
        return Bit()


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Multilabel(Task):
    """Any of several labels at once: a sigmoid each and binary cross-entropy.

    Label shape: `(labels,)` with 0 or 1. Each can be missing on its own.

    Args:
        labels: How many labels.
        activation: The activation of the outputs.
        loss: A Keras loss.
        class_weight: A weight for the loss of each label, as a list or as a dict by
            their positions.
        label_smoothing: Moves labels towards 0.5: a label `y` becomes
            `y * (1 - label_smoothing) + label_smoothing / 2`.
        metrics, hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Multilabel(5).label_shape
        (5,)
    """

    labels: int = checked(positive_int)
    _: KW_ONLY
    activation: Any = checked(check_activation, "sigmoid")
    loss: Any = checked(check_loss, "binary_crossentropy")
    class_weight: Any = None
    label_smoothing: float = checked(check_smoothing, 0.0)

    @property
    def label_kind(self) -> LabelKind:
        return Bits(self.labels)


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Multiclass(Task):
    """One of several classes: softmax and cross-entropy.

    Label shape: `()`, the class as an integer, for a loss with "sparse" in its name or
    in that of its class. For any other loss `(classes,)`, one-hot labels.

    Args:
        classes: How many classes, at least 2.
        activation: The activation of the outputs.
        loss: A Keras loss.
        class_weight: A weight for each class, as a list or as a dict by their numbers.
        label_smoothing: How much of a label is spread evenly over all classes.
        metrics: See `Task`. By default, the accuracy that fits the loss.
        hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Multiclass(10, missing=-1).units, Multiclass(10).label_shape
        (10, ())
    """

    classes: int = checked(_at_least_two)
    _: KW_ONLY
    activation: Any = checked(check_activation, "softmax")
    loss: Any = checked(check_loss, "sparse_categorical_crossentropy")
    class_weight: Any = None
    label_smoothing: float = checked(check_smoothing, 0.0)

    @property
    def label_kind(self) -> LabelKind:
        names = [getattr(self.loss, name, "") for name in ("name", "__name__")]
        names += [self.loss, type(self.loss).__name__]
        sparse = any(isinstance(n, str) and "sparse" in n.lower() for n in names)
        return ClassIndex(self.classes) if sparse else OneHot(self.classes)


@keras.saving.register_keras_serializable(package="kerasblocks")
@dataclass(frozen=True, repr=False)
class Ordinal(Task):
    """One of several levels in order, such as stars: a continuation-ratio model.

    The outputs are the probabilities of the levels. They come from `levels - 1`
    chances of going on to the next level, so that neighbouring levels tend to be
    likely together.

    Label shape: `()`, the level as an integer from 0.

    Args:
        levels: How many levels, at least 2.
        loss: A Keras loss that takes integers.
        class_weight: A weight for each level, as a list or as a dict by their numbers.
        metrics: See `Task`. By default, the accuracy and the mean error in levels.
        hidden, loss_weight, missing: See `Task`.

    Example:
        >>> Ordinal(5).units, Ordinal(5).label_shape
        (4, ())

    References: Fienberg, The Analysis of Cross-Classified Categorical Data, 1980;
    Shi, Cao and Raschka, Deep Neural Networks for Rank-Consistent Ordinal Regression
    Based on Conditional Probabilities, Pattern Analysis and Applications 26, 2023.
    """

    levels: int = checked(_at_least_two)
    _: KW_ONLY
    loss: Any = checked(check_loss, "sparse_categorical_crossentropy")
    class_weight: Any = None

    @property
    def label_kind(self) -> LabelKind:
        return ClassIndex(self.levels)

    @property
    def units(self) -> int:
        return self.levels - 1

    @property
    def activation(self) -> keras.layers.Layer:
        return ContinuationRatio()

    @property
    def default_metrics(self) -> list[Any]:
        return [*super().default_metrics, LevelError()]
