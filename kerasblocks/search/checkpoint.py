"""The state of training in one file: weights, optimizer, the best epoch so far."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from kerasblocks.files import replacing

UNREADABLE = (OSError, EOFError, ValueError, KeyError, AttributeError, BadZipFile)
"""What reading a file raises that is missing, cut short, or no checkpoint."""


@dataclass
class Progress:
    """How far a trial is, beside its weights.

    Args:
        epoch: Epochs that are done.
        score: The best value of the objective.
        best_epoch: The epoch that gave it.
        objectives: Every objective's value then.
        best_weights: The model's weights then.
    """

    epoch: int = 0
    score: float | None = None
    best_epoch: int | None = None
    objectives: dict[str, float] = field(default_factory=dict)
    best_weights: list[Any] | None = None


def save(path: Path, model: Any, progress: Progress) -> None:
    """Write a model's variables, its optimizer's, and the progress.

    Plain arrays: nothing in the file is code, and a kill leaves the file before
    or the file after.

    Args:
        path: The file, `.npz`.
        model: A compiled model that is built.
        progress: How far it is.
    """
    words = asdict(replace(progress, best_weights=None))
    arrays = {"progress": np.array(json.dumps(words))}
    for name, values in (
        ("model", model.variables),
        ("optimizer", model.optimizer.variables),
        ("best", progress.best_weights or ()),
    ):
        for place, value in enumerate(values):
            arrays[f"{name}/{place}"] = _array(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft, draft.open("wb") as file:
        np.savez(file, **arrays)  # pyright: ignore[reportArgumentType]


def epochs_done(path: Path) -> int:
    """Return how many epochs a checkpoint has behind it; 0 where there is none.

    One that cannot be read, since the machine lost power say, is none.

    Example:
        >>> epochs_done(Path("no-such-checkpoint.npz"))
        0
    """
    try:
        with _opened(path) as file:
            return json.loads(str(file["progress"]))["epoch"]
    except UNREADABLE:
        return 0


class Checkpoint:
    """A checkpoint as it was read.

    Args:
        path: The file.

    Raises:
        ValueError: It is no checkpoint, or cannot be read.
    """

    def __init__(self, path: Path) -> None:
        try:
            with _opened(path) as file:
                self._arrays = {name: file[name] for name in file.files}
            words = json.loads(str(self._arrays["progress"]))
        except UNREADABLE as error:
            raise ValueError(f"{path} is no checkpoint of a trial") from error
        best = self._part("best")
        self.progress = Progress(**words | {"best_weights": best or None})

    def restore(self, model: Any) -> None:
        """Give a model, built and compiled, the variables of this checkpoint.

        Args:
            model: A model of the same layers and optimizer.

        Raises:
            ValueError: The model's variables are not of these shapes.
        """
        for name, variables in (
            ("model", model.variables),
            ("optimizer", model.optimizer.variables),
        ):
            values = self._part(name)
            shapes = [tuple(variable.shape) for variable in variables]
            if shapes != [value.shape for value in values]:
                raise ValueError(
                    f"the checkpoint's {name} has {len(values)} variables, and the "
                    f"{name} {len(shapes)}, or of other shapes"
                )
            for variable, value in zip(variables, values, strict=True):
                variable.assign(_as(value, variable.dtype))

    def _part(self, name: str) -> list[Any]:
        count = sum(key.startswith(f"{name}/") for key in self._arrays)
        return [self._arrays[f"{name}/{place}"] for place in range(count)]


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    # By a path, NumPy would leave a file open that is cut short.
    with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
        yield file


def _array(value: Any) -> np.ndarray:
    # Keras variables of every backend convert; NumPy's file format knows no
    # bfloat16 or float8, which float32 holds exactly.
    if hasattr(value, "numpy") and not isinstance(value, np.ndarray):
        value = value.numpy()
    value = np.asarray(value)
    return value if value.dtype.kind in "biufc" else value.astype("float32")


def _as(value: np.ndarray, dtype: str) -> np.ndarray:
    known = dtype in ("bool",) or hasattr(np, dtype)
    return value.astype(dtype) if known else value
