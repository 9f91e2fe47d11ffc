"""`Task`: what one head of `MultiHeadOutput` predicts, and how it is judged."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, dataclass
from functools import cached_property
from typing import Any

import keras
import numpy as np

from kerasblocks.core.arguments import did_you_mean, is_positive_int, non_negative
from kerasblocks.core.config import ConfigFromSignature
from kerasblocks.heads.label_kinds import LabelKind


def checked(check: Callable[[str, str, Any], Any], default: Any = MISSING) -> Any:
    """A dataclass field of a task, with the check of its argument.

    Args:
        check: A function of the task's class name, the argument's name and its value.
            Returns the value to keep, or raises a `ValueError`.
        default: The argument's default; none for a required argument.
    """
    return dataclasses.field(default=default, metadata={"check": check})


def check_loss(owner: str, argument: str, loss: Any) -> Any:
    """Returns `loss` if Keras knows it, else raises."""
    with contextlib.suppress(ValueError):
        if callable(loss) or (isinstance(loss, str) and keras.losses.get(loss)):
            return loss
    names = [name for name in dir(keras.losses) if not name.startswith("_")]
    raise ValueError(
        f"{owner}: '{argument}' must be a Keras loss, its name or a function, got "
        f"{loss!r}{did_you_mean(loss, names)}"
    )


def check_smoothing(owner: str, argument: str, amount: Any) -> float:
    """Returns a number from 0 to less than 1 as a float, else raises."""
    smoothing = non_negative(owner, f"'{argument}'", amount)
    if smoothing >= 1:
        raise ValueError(f"{owner}: '{argument}' must be less than 1, got {amount!r}")
    return smoothing


def _check_loss_weight(owner: str, argument: str, weight: Any) -> float:
    return non_negative(owner, f"'{argument}'", weight)


def _check_metrics(owner: str, argument: str, metrics: Any) -> tuple | None:
    return None if metrics is None else tuple(as_list(metrics))


def _check_hidden(owner: str, argument: str, hidden: Any) -> tuple:
    many = isinstance(hidden, list | tuple)
    for layer in hidden if many else [None]:
        if not is_positive_int(layer) and not isinstance(layer, keras.layers.Layer):
            raise ValueError(
                f"{owner}: '{argument}' must be a list of positive ints or Keras "
                f"layers, got {layer if many else hidden!r}"
            )
    return tuple(hidden)


@dataclass(frozen=True, repr=False)
class Task(ConfigFromSignature):
    """What one head predicts. The base class of all tasks.

    A subclass is a frozen dataclass. It defines `label_kind`, its arguments as fields,
    and an `activation` and a `loss`, as fields or as properties. See
    `kerasblocks/heads/tasks.py` for examples.

    A label that is NaN, or equal to `missing`, is missing. The head's loss and metrics
    are those of the labels that are present.

    Args:
        metrics: A Keras metric or a list of them, as `compile` takes them. None for
            the task's own `default_metrics`.
        hidden: Layers between the shared features and the head's own Dense layer. An
            int stands for a Dense layer with that many units and ReLU.
        loss_weight: The weight of the head's loss in the sum of the losses.
        missing: A label that means "missing", as NaN does.

    Raises:
        ValueError: an argument is not one of the above.
    """

    _: dataclasses.KW_ONLY
    metrics: Any = checked(_check_metrics, None)
    hidden: Sequence[int | keras.layers.Layer] = checked(_check_hidden, ())
    loss_weight: float = checked(_check_loss_weight, 1.0)
    missing: float | None = None

    # Without annotations, and so not fields. Subclasses replace them.
    activation = None
    loss = None
    class_weight = None
    label_smoothing = 0.0

    def __post_init__(self) -> None:
        for each in dataclasses.fields(self):
            check = each.metadata.get("check")
            if check is not None:
                value = check(self._owner, each.name, getattr(self, each.name))
                object.__setattr__(self, each.name, value)
        # The checks of these two need the kind of label.
        if self.class_weight is not None:
            weights = self._check_class_weight(self.class_weight)
            object.__setattr__(self, "class_weight", weights)
        object.__setattr__(self, "missing", self._check_missing(self.missing))

    def __repr__(self) -> str:
        defaults = {each.name: each.default for each in dataclasses.fields(self)}
        given = {name: getattr(self, name) for name in self.argument_names()}
        shown = [f"{k}={v!r}" for k, v in given.items() if v != defaults[k]]
        return f"{self._owner}({', '.join(shown)})"

    @property
    def label_kind(self) -> LabelKind:
        """The kind of the labels."""
        raise NotImplementedError(f"{self._owner} must define 'label_kind'")

    # Not a property: that would block a field of this name in a subclass.
    @cached_property
    def units(self) -> int:
        """The number of units of the head's Dense layer."""
        return self.label_kind.units

    @property
    def label_shape(self) -> tuple[int, ...]:
        """The shape of one sample's label, () for the number of a class."""
        return self.label_kind.shape

    @property
    def elementwise(self) -> bool:
        """Whether each output has a number of its own in the label.

        Such numbers can be missing one by one.
        """
        return self.label_kind.independent and self.label_kind.width == self.units

    @property
    def default_metrics(self) -> list[Any]:
        """The metrics where none are given."""
        kind = self.label_kind
        return [kind.accuracy if kind.classes else "mean_absolute_error"]

    @property
    def used_metrics(self) -> list[Any]:
        """The metrics that were given, or the default ones."""
        return self.default_metrics if self.metrics is None else list(self.metrics)

    def make_hidden(self, dtype: Any) -> list[keras.layers.Layer]:
        """The layers of `hidden`, with a Dense layer for each int."""
        return [
            keras.layers.Dense(
                layer, activation="relu", name=f"hidden_{position}", dtype=dtype
            )
            if is_positive_int(layer)
            else layer
            for position, layer in enumerate(self.hidden, start=1)
        ]

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def _check_class_weight(self, weights: Any) -> tuple[float, ...]:
        """A weight for each class, 1 for those that are not named."""
        count = self.label_kind.class_weights
        if isinstance(weights, np.ndarray):
            weights = weights.tolist()  # of scikit-learn's compute_class_weight
        if isinstance(weights, Mapping):
            for name in weights:
                if name not in range(count) or isinstance(name, bool):
                    raise ValueError(
                        f"{self._owner}: 'class_weight' must be a dict by the numbers "
                        f"of the classes, 0 to {count - 1}, got {name!r} among them"
                    )
            weights = [weights.get(number, 1.0) for number in range(count)]
        if isinstance(weights, str) or not isinstance(weights, Sequence):
            raise ValueError(
                f"{self._owner}: 'class_weight' must be a dict or a list of numbers, "
                f"got {weights!r}"
            )
        if len(weights) != count:
            raise ValueError(
                f"{self._owner}: 'class_weight' must have a weight for each of the "
                f"{count} classes, got {len(weights)}"
            )
        what = "a weight in 'class_weight'"
        return tuple(non_negative(self._owner, what, weight) for weight in weights)

    def _check_missing(self, missing: Any) -> float | None:
        if missing is None:
            return None
        if isinstance(missing, bool) or not isinstance(missing, numbers.Real):
            raise ValueError(
                f"{self._owner}: 'missing' must be a number or None, got {missing!r}"
            )
        classes = self.label_kind.classes or 0
        if missing in range(classes):
            raise ValueError(
                f"{self._owner}: 'missing' must be a number that is not a class, got "
                f"{missing!r} where the classes are 0 to {classes - 1}"
            )
        # NaN always means "missing". Kept here, it would equal no label.
        if math.isnan(missing):
            return None
        return int(missing) if isinstance(missing, numbers.Integral) else float(missing)


def replaced(task: Task, **arguments: Any) -> Task:
    """A task with some arguments replaced."""
    for argument in arguments:
        if argument not in task.argument_names():
            raise ValueError(
                f"{type(task).__name__}: its {argument!r} is fixed and cannot be "
                "replaced"
            )
    return dataclasses.replace(task, **arguments)


def as_list(metrics: Any) -> list[Any]:
    """Metrics as a list; a single one becomes a list of one."""
    return list(metrics) if isinstance(metrics, list | tuple) else [metrics]
