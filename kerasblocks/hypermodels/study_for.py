"""A study from the data alone: `study_for`."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

from kerasblocks.core.arguments import check_keys, did_you_mean
from kerasblocks.heads.task import Task
from kerasblocks.hypermodels.infer import each, encoder_for, scaled, task_for
from kerasblocks.hypermodels.network import Network
from kerasblocks.hypermodels.parts import Arrays, Datasets, split
from kerasblocks.hypermodels.peek import Peek, is_dataset, peek
from kerasblocks.search.objectives import objectives
from kerasblocks.search.study import Splits, Study

OWNER = "study_for"
_STEPS = 1000  # so many steps a trial, where nothing else is said


class _Data(NamedTuple):
    peek: Peek
    data: Any
    rows: int | None
    """How many samples there are to train on; None for a dataset."""


def study_for(
    x: Any,
    y: Any = None,
    *,
    task: Task | Mapping[str, Task] | None = None,
    kind: str | Mapping[str, str] | None = None,
    validation: Any = 0.2,
    test: Any = 0.2,
    name: str = "study",
    objective: Any = None,
    epochs: int | None = None,
    batch_size: int | None = None,
    seed: int = 0,
    **given: Any,
) -> Study:
    """Make a study of a ready hypermodel from the data.

    The shapes and the values say which hypermodel, loss, metric and objective there
    are, and how long a trial is.

    Args:
        x: An array of samples: 2 axes for a table, 3 for sequences, 4 for images, 5 for
            volumes; or a dict of them for several inputs; or a dataset that
            `model.fit` takes whole (`tf.data.Dataset`, `PyDataset`, `DataLoader`).
        y: The targets, an array or a dict of arrays; None with a dataset.
        task: What the targets are, such as `kerasblocks.heads.Ordinal(5)`; a dict by
            name for several, some of which may be left out. By default what their
            values say.
        kind: What `x` is, where its axes do not say it: "images", "sequences",
            "tokens" or "table"; a dict by name for several inputs.
        validation: The share of the samples to score trials on, or `(x, y)`, or a
            dataset.
        test: The share that no trial sees, 0 for none, or `(x, y)`, or a dataset.
        name: The study's name.
        objective: As for `Study`; by default `val_accuracy` for classes, else
            `val_loss`.
        epochs: How long a trial trains at most; by default some 1,000 steps. One that
            does not get better for a quarter of them ends.
        batch_size: By default what suits the number of samples.
        seed: Fixes the split, the points and the weights.
        **given: What is fixed, or narrowed by `spaces.among` and `spaces.between`, of
            the hypermodel (see `hypermodels.Network`, `Images`, ...), and other
            arguments of `Study`.

    Returns:
        The study, for `kerasblocks.search.run`.

    Raises:
        TypeError: `given` has a name of neither.
        ValueError: The data is not as said above.

    Example:
        >>> from sklearn.datasets import load_digits
        >>> x, y = load_digits().images[..., None], load_digits().target
        >>> study = study_for(x, y, block="residual")
        >>> study.objective, [len(part[0]) for part in study.data()]
        ('val_accuracy', [1079, 359, 359])
    """
    options, own = _sort(given)
    read = _of_dataset if is_dataset(x) else _of_arrays
    if read is _of_dataset and batch_size is not None:
        raise ValueError(
            f"{OWNER}: 'batch_size' must be left out with a dataset, which has its "
            f"own, got {batch_size!r}"
        )
    for each_task in task.values() if isinstance(task, Mapping) else [task]:
        if each_task is not None and not isinstance(each_task, Task):
            raise ValueError(
                f"{OWNER}: 'task' must be a task such as "
                "kerasblocks.heads.Regression(), or a dict of them by the names of the "
                f"targets, got {each_task!r}"
            )
    found = read(x, y, validation, test, seed, task)
    seen = found.peek
    outputs = _tasks(seen.y, task)
    inputs = _encoders(seen, kind)
    if found.rows is not None:
        batch_size = batch_size or _batch_size(found.rows)
        per_epoch = math.ceil(found.rows / batch_size)
    else:
        per_epoch = seen.batches
    if epochs is None:
        epochs = min(100, max(10, _STEPS // (per_epoch or 50)))
    steps = None if per_epoch is None else per_epoch * epochs
    if objective is None:
        single = isinstance(outputs, Task)
        objective = (
            "val_accuracy" if single and outputs.label_kind.classes else "val_loss"
        )
    network = _network(inputs, outputs, steps, own)
    if objective == "val_loss":
        # These change what a loss means: trials could not be compared by it.
        fixed = {"label_smoothing": 0.0, "balancing": None}
        fixed = {n: v for n, v in fixed.items() if n in network.arguments}
        network = _network(inputs, outputs, steps, {**fixed, **own})
    if "callbacks" not in options:
        patience = max(5, epochs // 4)
        options["callbacks"] = functools.partial(_early_stopping, objective, patience)
    return Study(
        name=name,
        hypermodel=network,
        data=found.data,
        objective=objective,
        epochs=epochs,
        batch_size=batch_size,
        seed=seed,
        **options,
    )


def _early_stopping(objective: Any, patience: int) -> list[Any]:
    """End a trial that no longer gets better: another is worth more."""
    goal = objectives(objective)[0]
    return [
        keras.callbacks.EarlyStopping(
            monitor=goal.name, mode=goal.direction, patience=patience
        )
    ]


def _sort(given: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What is the study's, and what the hypermodel's."""
    fields = {entry.name for entry in dataclasses.fields(Study)}
    for argument in ("hypermodel", "data"):
        if argument in given:
            raise TypeError(
                f"{OWNER}: {argument!r} is what is made here; use Study to give it"
            )
    options = {name: value for name, value in given.items() if name in fields}
    return options, {n: v for n, v in given.items() if n not in fields}


def _network(inputs: Any, outputs: Any, steps: int | None, own: Any) -> Network:
    bare = Network(inputs, outputs, steps=steps)
    parts = inputs.values() if isinstance(inputs, Mapping) else [inputs]
    legal = {*bare.arguments, *(name for part in parts for name in part.arguments)}
    for name in own:
        if name not in legal:
            fields = [entry.name for entry in dataclasses.fields(Study)]
            near = did_you_mean(name, [*sorted(legal), *fields, *_OWN])
            raise TypeError(f"{OWNER}: unexpected keyword argument {name!r}{near}")
    return Network(inputs, outputs, steps=steps, **own)


_OWN = ("task", "kind", "validation", "test", "epochs", "batch_size", "seed")


def _encoders(seen: Peek, kind: Any) -> Any:
    if isinstance(seen.x, Mapping):
        if kind is not None:
            check_keys(OWNER, "kind", kind, list(seen.x), what="inputs")
        return {
            name: encoder_for(
                OWNER, f"x[{name!r}]", x, (kind or {}).get(name), seen.shapes[name]
            )
            for name, x in seen.x.items()
        }
    return encoder_for(OWNER, "x", seen.x, kind, seen.shapes)


def _tasks(y: Any, task: Any) -> Any:
    if not isinstance(y, Mapping):
        if task is None:
            return task_for(OWNER, "y", y)
        if not isinstance(task, Task):
            raise ValueError(
                f"{OWNER}: 'task' must be one task for one array of targets, got a dict"
            )
        return scaled(task, y)
    if task is not None:
        check_keys(OWNER, "task", task, list(y), what="targets")
    named = task or {}
    return each(
        y,
        lambda name, part: (
            scaled(named[name], part)
            if name in named
            else task_for(OWNER, f"y[{name!r}]", part)
        ),
    )


def _of_arrays(
    x: Any, y: Any, validation: Any, test: Any, seed: int, task: Any
) -> _Data:
    x, y = _as_arrays("x", x), _as_arrays("y", y)
    counts = {len(part) for value in (x, y) for part in _flat(value)}
    if len(counts) != 1:
        raise ValueError(
            f"{OWNER}: 'x' and 'y' must hold the same number of samples, got "
            f"{', '.join(map(str, sorted(counts)))}"
        )
    (count,) = counts
    shares = [_share("validation", validation), _share("test", test)]
    if shares[0] == 0 and isinstance(validation, int | float):
        raise ValueError(f"{OWNER}: 'validation' must be above 0, got {validation!r}")
    labels = _labels(y, task)
    rows = split(count, tuple(shares), labels, seed)
    if not all(len(part) for part, share in zip(rows, shares, strict=False) if share):
        raise ValueError(
            f"{OWNER}: 'x' must hold more samples than {count} to be split; give "
            "'validation' and 'test' as (x, y)"
        )
    parts = [
        part if share else (None if isinstance(given, int | float) else given)
        for part, share, given in zip(rows, shares, (validation, test), strict=False)
    ]
    data = Arrays(x, y, rows[-1], *parts)
    train_x, _ = data().train
    shapes = each(train_x, lambda _, part: part.shape[1:])
    # Every class counts, also one that is in the other parts alone.
    seen = Peek(train_x, y, shapes, None)
    return _Data(seen, data, len(rows[-1]))


def _of_dataset(
    x: Any, y: Any, validation: Any, test: Any, seed: int, task: Any
) -> _Data:
    if y is not None:
        raise ValueError(
            f"{OWNER}: 'y' must be left out with a dataset, whose batches hold the "
            f"targets, got {type(y).__name__}"
        )
    if isinstance(validation, int | float):
        raise ValueError(
            f"{OWNER}: 'validation' must be a dataset or (x, y) where 'x' is a "
            f"dataset, which cannot be split, got {validation!r}"
        )
    seen = peek(OWNER, "x", x)
    complete = task is not None and (
        not isinstance(seen.y, Mapping) or set(task) == set(seen.y)
    )
    if seen.batches is None and not complete:
        raise ValueError(
            f"{OWNER}: 'task' must be given for a dataset of more than 200 batches, of "
            "which not all are looked at, got None"
        )
    test = None if isinstance(test, int | float) else test
    return _Data(seen, Datasets(Splits(x, validation, test)), None)


def _as_arrays(argument: str, value: Any) -> Any:
    if value is None:
        raise ValueError(
            f"{OWNER}: {argument!r} must be an array or a dict of arrays, got None"
        )
    if isinstance(value, Mapping):
        if not value:
            raise ValueError(f"{OWNER}: {argument!r} must hold arrays, got {value!r}")
        return {
            name: _as_arrays(f"{argument}[{name!r}]", v) for name, v in value.items()
        }
    array = np.asarray(value)
    if array.ndim == 0:
        raise ValueError(f"{OWNER}: {argument!r} must be an array, got {value!r}")
    if array.dtype == "float64":
        array = array.astype("float32")
    return array


def _flat(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, Mapping) else [value]


def _share(argument: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        if isinstance(value, tuple) or is_dataset(value):
            return 0.0
        raise ValueError(
            f"{OWNER}: {argument!r} must be a share from 0 to 1, (x, y) or a dataset, "
            f"got {value!r}"
        )
    if not 0 <= value < 1:
        raise ValueError(
            f"{OWNER}: {argument!r} must be a share from 0 to 1, (x, y) or a dataset, "
            f"got {value!r}"
        )
    return float(value)


def _labels(y: Any, task: Any) -> np.ndarray | None:
    """The classes of the first targets that are classes, to split evenly by."""
    for name, part in y.items() if isinstance(y, Mapping) else [(None, y)]:
        chosen = task.get(name) if isinstance(task, Mapping) else task
        found = chosen or task_for(OWNER, "y" if name is None else f"y[{name!r}]", part)
        kind = found.label_kind
        if kind.classes and part.size == len(part):
            return part.reshape(len(part))
        if kind.classes and part.shape[-1] == kind.width > 1:
            return part.argmax(axis=-1)
    return None


def _batch_size(rows: int) -> int:
    """A power of 2 that gives some 30 steps an epoch, from 16 to 128."""
    return int(min(128, max(16, 2 ** round(math.log2(max(1, rows / 30))))))
