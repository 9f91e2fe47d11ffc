"""The kinds of labels: a class number, a one-hot vector, bits, or real numbers.

All that depends on the kind of a task's labels is here: their shape, their legal
values, and how class weights and label smoothing apply to them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops


class LabelKind:
    """What the label of one sample is.

    Losses and metrics first bring labels of every kind to the shape
    `(batch, ..., width)`, to find those that are missing.
    """

    classes: int | None
    """How many classes a label chooses from; None for labels that are not classes."""
    width: int
    """How many numbers one label has."""
    independent: ClassVar[bool] = False
    """Whether each number of a label can be missing on its own."""
    accuracy: ClassVar[str] = "binary_accuracy"
    """The metric of Keras that "accuracy" stands for."""
    expected: str
    """The legal values, for error messages."""
    hint: ClassVar[str] = ""
    """What to try where the labels have the wrong shape, for error messages."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample's label."""
        return (self.width,)

    @property
    def units(self) -> int:
        """How many outputs predict one label, as a rule."""
        return self.width

    @property
    def class_weights(self) -> int:
        """How many class weights there are."""
        return self.classes or 0

    def columns(self, labels: Any, rank: int) -> Any:
        """Labels as `(batch, ..., width)`, None where their shape is wrong.

        Args:
            labels: The labels, a tensor.
            rank: The number of axes of the predictions.
        """
        shape = tuple(labels.shape)
        if len(shape) == rank - 1 and self.width == 1:
            return ops.expand_dims(labels, -1)
        fits = len(shape) == rank and shape[-1] in (self.width, None)
        return labels if fits else None

    def from_columns(self, columns: Any) -> Any:
        """Labels as losses and metrics take them."""
        return columns

    def are_legal(self, values: np.ndarray) -> np.ndarray:
        """Which values of an array can stand in a label."""
        raise NotImplementedError

    def weigh(self, labels: Any, weights: Any) -> Any:
        """The weight of each label, or of each of its numbers.

        Args:
            labels: The labels, before they are smoothed.
            weights: The class weights, a tensor.
        """
        raise NotImplementedError

    def smooth(self, labels: Any, amount: float) -> Any:
        """Labels with `amount` of each spread evenly over all classes."""
        raise NotImplementedError

    def smoothed_loss(self, loss: Any) -> Any:
        """The loss that takes smoothed labels, None where there is none.

        Args:
            loss: A Keras loss, or a function, for labels that are not smoothed.
        """
        return loss


@dataclass(frozen=True)
class Numbers(LabelKind):
    """Real numbers, each with an output of its own."""

    width: int
    classes = None
    independent = True
    expected = "finite numbers"

    def are_legal(self, values: np.ndarray) -> np.ndarray:
        return np.isfinite(values)


class _Chances(LabelKind):
    """Numbers from 0 to 1."""

    classes: int
    expected = "numbers from 0 to 1"

    def are_legal(self, values: np.ndarray) -> np.ndarray:
        return (values >= 0) & (values <= 1)

    def smooth(self, labels: Any, amount: float) -> Any:
        return labels * (1 - amount) + amount / self.classes


@dataclass(frozen=True)
class Bits(_Chances):
    """Several labels, each 0 or 1. Each label has its own class weight."""

    width: int
    classes = 2
    independent = True

    @property
    def class_weights(self) -> int:
        return self.width

    def weigh(self, labels: Any, weights: Any) -> Any:
        return ops.broadcast_to(weights, ops.shape(labels))


@dataclass(frozen=True)
class Bit(_Chances):
    """One label, 0 or 1. Each of the two values has its own class weight."""

    classes = 2
    width = 1
    independent = True

    def weigh(self, labels: Any, weights: Any) -> Any:
        return weights[0] * (1 - labels) + weights[1] * labels


@dataclass(frozen=True)
class OneHot(_Chances):
    """A class as a vector, with 1 in its place and 0 elsewhere."""

    classes: int
    accuracy = "categorical_accuracy"

    @property
    def width(self) -> int:
        return self.classes

    def weigh(self, labels: Any, weights: Any) -> Any:
        return ops.sum(labels * weights, axis=-1)


@dataclass(frozen=True)
class ClassIndex(LabelKind):
    """A class as an integer from 0."""

    classes: int
    width = 1
    accuracy = "sparse_categorical_accuracy"
    hint = "; for one-hot labels give the task loss='categorical_crossentropy'"

    @property
    def shape(self) -> tuple[int, ...]:
        return ()

    @property
    def units(self) -> int:
        return self.classes

    @property
    def expected(self) -> str:
        return f"whole numbers from 0 to {self.classes - 1}"

    def from_columns(self, columns: Any) -> Any:
        return ops.squeeze(columns, -1)

    def are_legal(self, values: np.ndarray) -> np.ndarray:
        whole = values == np.floor(values)
        return whole & (values >= 0) & (values < self.classes)

    def weigh(self, labels: Any, weights: Any) -> Any:
        return ops.take(weights, ops.cast(labels, "int32"))

    def smooth(self, labels: Any, amount: float) -> Any:
        one_hot = ops.one_hot(ops.cast(labels, "int32"), self.classes)
        return OneHot(self.classes).smooth(one_hot, amount)

    def smoothed_loss(self, loss: Any) -> Any:
        # Smoothed labels are vectors, as one-hot labels are.
        if loss is keras.losses.sparse_categorical_crossentropy:
            return keras.losses.categorical_crossentropy
        if isinstance(loss, keras.losses.SparseCategoricalCrossentropy):
            from_logits = loss.get_config()["from_logits"]
            return keras.losses.CategoricalCrossentropy(from_logits=from_logits)
        return None
