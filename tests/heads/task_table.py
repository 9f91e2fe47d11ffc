"""The table of tasks: a row here is a task that every law of tasks is tried on."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from keras import losses

import kerasblocks as kb


@dataclass(frozen=True)
class Row:
    """A task, Keras' loss for it, and how to draw its labels.

    `labels` is "real", "counts", "bits", "one_hot" or "classes". A label has as many
    numbers as there are outputs, or `label_width`.
    """

    task: Callable[..., kb.heads.Task]
    loss: Callable[[str], Any]
    """Of the reduction."""
    outputs: int
    labels: str
    metrics: tuple
    elementwise: bool = False
    """Whether the numbers of a label can be missing one by one."""
    label_width: int | None = None

    @property
    def label_shape(self):
        if self.labels == "classes":
            return ()
        return (self.label_width or self.outputs,)


def of_loss(loss, **arguments):
    return lambda reduction: loss(reduction=reduction, **arguments)


def quantile(loss=None, **arguments):
    """Its loss is not an argument."""
    return kb.heads.Quantile([0.1, 0.5, 0.9], **arguments)


TASKS = {
    "regression": Row(
        partial(kb.heads.Regression, 3),
        of_loss(losses.MeanSquaredError),
        outputs=3,
        labels="real",
        metrics=("mean_absolute_error", "RootMeanSquaredError"),
        elementwise=True,
    ),
    "huber": Row(
        partial(kb.heads.Regression, loss="huber"),
        of_loss(losses.Huber, delta=0.5),
        outputs=1,
        labels="real",
        metrics=("mse",),
        elementwise=True,
    ),
    "cosine": Row(
        partial(kb.heads.Regression, 3, loss="cosine_similarity"),
        of_loss(losses.CosineSimilarity),
        outputs=3,
        labels="real",
        metrics=("cosine_similarity",),
    ),
    "binary": Row(
        kb.heads.Binary,
        of_loss(losses.BinaryCrossentropy),
        outputs=1,
        labels="bits",
        metrics=("binary_accuracy", "TruePositives"),
        elementwise=True,
    ),
    "multilabel": Row(
        partial(kb.heads.Multilabel, 4),
        of_loss(losses.BinaryFocalCrossentropy),
        outputs=4,
        labels="bits",
        metrics=("accuracy", "FalseNegatives"),
        elementwise=True,
    ),
    "multiclass": Row(
        partial(kb.heads.Multiclass, 4),
        of_loss(losses.SparseCategoricalCrossentropy),
        outputs=4,
        labels="classes",
        metrics=("sparse_categorical_accuracy",),
    ),
    "one_hot": Row(
        partial(kb.heads.Multiclass, 4, loss="categorical_crossentropy"),
        of_loss(losses.CategoricalCrossentropy),
        outputs=4,
        labels="one_hot",
        metrics=("categorical_accuracy",),
    ),
    "ordinal": Row(
        partial(kb.heads.Ordinal, 4),
        of_loss(losses.SparseCategoricalCrossentropy),
        outputs=4,
        labels="classes",
        metrics=(kb.metrics.LevelError(),),
    ),
    "count": Row(
        partial(kb.heads.Count, 2),
        of_loss(losses.Poisson),
        outputs=2,
        labels="counts",
        metrics=("mean_absolute_error",),
        elementwise=True,
    ),
    "quantile": Row(
        quantile,
        of_loss(kb.losses.Pinball, quantiles=[0.1, 0.5, 0.9]),
        outputs=3,
        labels="real",
        metrics=(kb.metrics.Coverage(),),
        label_width=1,
    ),
}
