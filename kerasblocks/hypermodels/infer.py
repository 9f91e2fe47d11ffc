"""What arrays are: the encoder for an input and the task for a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import keras
import numpy as np

from kerasblocks.core.arguments import one_of
from kerasblocks.heads.task import Task, replaced
from kerasblocks.heads.tasks import Binary, Multiclass, Multilabel, Regression
from kerasblocks.hypermodels.encoder import Encoder
from kerasblocks.hypermodels.images import Images
from kerasblocks.hypermodels.sequences import Sequences, Tokens
from kerasblocks.hypermodels.tables import Tables

KINDS = ("images", "sequences", "tokens", "table")
_BY_AXES = {2: "table", 3: "sequences", 4: "images", 5: "images"}
_AXES = {"images": (3, 4, 5), "sequences": (2, 3), "tokens": (2,), "table": (2,)}


def encoder_for(
    owner: str,
    argument: str,
    x: np.ndarray,
    kind: str | None = None,
    shape: tuple[int | None, ...] | None = None,
) -> Encoder:
    """The encoder that suits an array of samples.

    Args:
        owner: The function, for error messages.
        argument: The argument that the array came by, for error messages.
        x: The samples to take the moments from.
        kind: "images", "sequences", "tokens" or "table"; None for what the number of
            axes says: tables have 2, sequences 3, images 4, volumes 5.
        shape: The shape of a sample, where some sizes vary.

    Raises:
        ValueError: The array is of no kind.

    Example:
        >>> encoder_for("me", "x", np.zeros((5, 8, 8, 3))).scope
        'images'
    """
    if x.dtype.kind not in "biuf":
        raise ValueError(
            f"{owner}: {argument!r} must hold numbers, got an array of {x.dtype}; turn "
            "words and categories into whole numbers first"
        )
    if kind is None:
        kind = _BY_AXES.get(x.ndim)
        if kind is None:
            raise ValueError(
                f"{owner}: {argument!r} must have 2 axes (a table), 3 (sequences), 4 "
                f"(images) or 5 (volumes), the first of which counts samples, got the "
                f"shape {x.shape}"
            )
    one_of(owner, "kind", kind, KINDS)
    if x.ndim not in _AXES[kind]:
        axes = " or ".join(map(str, _AXES[kind]))
        raise ValueError(
            f"{owner}: {argument!r} must have {axes} axes for kind={kind!r}, got the "
            f"shape {x.shape}"
        )
    shape = shape or x.shape[1:]
    if kind == "tokens":
        if x.dtype.kind not in "iu" or x.min() < 0:
            raise ValueError(
                f"{owner}: {argument!r} must hold whole numbers from 0 on for "
                f"kind='tokens', got an array of {x.dtype} from {x.min()}"
            )
        return Tokens(shape, vocabulary=int(x.max()) + 1)
    if not np.isfinite(x).all():
        raise ValueError(
            f"{owner}: {argument!r} must hold finite numbers, got "
            f"{int((~np.isfinite(x)).sum())} that are NaN or infinite; fill them first"
        )
    cls = {"images": Images, "sequences": Sequences, "table": Tables}[kind]
    return cls(shape, moments=_moments(x, kind))


def task_for(owner: str, argument: str, y: np.ndarray) -> Task:
    """The task that an array of targets is of.

    Whole numbers from 0 on, of which most come several times, are classes; 0 and 1
    alone are yes or no; rows with a single 1 are one-hot classes, other rows of 0 and 1
    several labels at once; anything else is a regression, which is learnt in units of
    its own spread.

    Args:
        owner: The function, for error messages.
        argument: The argument that the array came by, for error messages.
        y: The targets.

    Raises:
        ValueError: The array holds no numbers, or has too many axes.

    Example:
        >>> task_for("me", "y", np.array([0, 1, 2, 1, 0, 2])).classes
        3
        >>> type(task_for("me", "y", np.array([0.5, 1.5]))).__name__
        'Regression'
    """
    if y.dtype.kind not in "biuf":
        raise ValueError(
            f"{owner}: {argument!r} must hold numbers, got an array of {y.dtype}; for "
            f"names of classes, names, {argument} = numpy.unique({argument}, "
            "return_inverse=True)"
        )
    if y.ndim not in (1, 2) or not y.size:
        raise ValueError(
            f"{owner}: {argument!r} must have 1 or 2 axes, the first of which counts "
            f"samples, got the shape {y.shape}; name the task otherwise"
        )
    values = y[~np.isnan(y)] if y.dtype.kind == "f" else y
    are_bits = bool(np.isin(values, (0, 1)).all())
    if y.ndim == 2 and y.shape[1] > 1:
        if are_bits and (y.sum(axis=1) == 1).all():
            return Multiclass(y.shape[1], loss="categorical_crossentropy")
        if are_bits:
            return Multilabel(y.shape[1])
        return scaled(Regression(y.shape[1]), y)
    if are_bits:
        return Binary()
    if y.dtype.kind in "iu":
        distinct, most = len(np.unique(y)), int(y.max())
        few = distinct <= max(2, y.size // 2)
        if y.min() >= 0 and few and most + 1 <= 2 * distinct:
            return Multiclass(most + 1)
    return scaled(Regression(), y)


def scaled(task: Task, y: np.ndarray) -> Task:
    """A regression whose outputs and loss are in units of the targets' own spread.

    Any other task, and one with an activation or a weight of its own, stays as it is.
    """
    if type(task) is not Regression or task.activation or task.loss_weight != 1:
        return task
    values = y[np.isfinite(y).reshape(len(y), -1).all(axis=1)].astype("float64")
    if not len(values):
        return task
    mean, spread = float(values.mean()), float(values.std())
    if not spread > 1e-12:
        spread = 1.0
    changes: dict[str, Any] = {
        "activation": keras.layers.Rescaling(spread, mean, dtype="float32")
    }
    if task.loss in ("mean_squared_error", "mse"):
        changes["loss_weight"] = 1 / spread**2
    return replaced(task, **changes)


def _moments(x: np.ndarray, kind: str) -> tuple[Any, Any]:
    """The mean and the variance of each channel or column."""
    first = keras.config.image_data_format() == "channels_first"
    with_channels = kind == "table" or x.ndim > min(_AXES[kind])
    axis = (1 if first and kind != "table" else x.ndim - 1) if with_channels else None
    axes = tuple(each for each in range(x.ndim) if each != axis)
    return x.mean(axes, dtype="float64"), x.var(axes, dtype="float64")


def each(value: Any, change: Any) -> Any:
    """A change to the one value, or to each of a dict by name."""
    if isinstance(value, Mapping):
        return {name: change(name, part) for name, part in value.items()}
    return change(None, value)
