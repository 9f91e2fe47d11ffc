"""What to search: data, a model to build, an objective and a budget."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, NamedTuple

import keras
import keras_tuner as kt

from kerasblocks.core.arguments import did_you_mean
from kerasblocks.search.budget import Budget
from kerasblocks.search.errors import StudyError, one_line
from kerasblocks.search.objectives import objectives
from kerasblocks.search.oracles import ORACLES, check
from kerasblocks.search.pruners import Pruner, pruner

# How often a trial runs again, by what ended it: what an exception or NaN did once
# it does again, but a machine that took a process away may not.
RETRIES = {"exception": 0, "nan": 0, "memory": 1, "killed": 1, "hang": 0}


class Splits(NamedTuple):
    """A study's data in the three parts that a search keeps apart.

    Each part is `(x, y)` or `(x, y, sample_weight)`, or one dataset that
    `model.fit` takes whole (a `keras.utils.PyDataset`, say).

    Args:
        train: What `fit` sees.
        validation: What trials are scored on.
        test: What no trial sees: the best model is measured on it once, at
            the end. None if there is none.
    """

    train: Any
    validation: Any
    test: Any = None


@dataclass(frozen=True, kw_only=True)
class Study:
    """One search: what `kerasblocks search FILE.py` looks for, named `study`.

    Args:
        name: Letters, digits, `-`, `_` and `.`; results go to `runs/NAME`.
        hypermodel: `build(hp)`, a function that returns a compiled model, or a
            `keras_tuner.HyperModel`, whose `fit` is used too.
        data: A function without arguments that returns `Splits`.
        objective: A metric's name as `fit` reports it (`"val_accuracy"`), or a
            `keras_tuner.Objective` where the direction cannot be told. A list of
            several gives a Pareto front; after the first they may be costs of the
            model: `"parameters"`, `"macs"`, `"memory"`, `"latency"`.
        trials: How many points to try.
        epochs: How long a trial trains at most.
        batch_size: As in `model.fit`.
        seed: Fixes the points (0 as well as any other); trial n starts its
            weights from `seed + n`.
        oracle: A name in `ORACLES`, or a function of `(objective, seed)` that
            returns a KerasTuner oracle.
        pruner: `"median"` or `"asha"` to end trials that do worse than others did
            at the same epoch, or a function as those of `search.pruners`.
        limits: The largest model: `{"parameters": ..., "macs": ..., "memory":
            ...}`, memory in bytes. A point beyond it is not tried.
        callbacks: A function that returns fresh Keras callbacks for a trial.
        retries: How often a failed trial runs again: a number, or one for each
            cause (see `RETRIES`).
        max_failures: So many failed trials in a row end the search.
        hang: Seconds without a batch's end after which a trial has failed; None
            for never.
        checkpoint: Seconds between the checkpoints from which a trial that was
            cut off goes on.
        keep: So many best models stay on disk.

    Raises:
        StudyError: An argument is not as said above.

    Example:
        >>> import keras, numpy as np
        >>> def build(hp):
        ...     model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        ...     rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        ...     model.compile(keras.optimizers.SGD(rate), loss="mse")
        ...     return model
        >>> part = np.ones((8, 3)), np.ones((8, 1))
        >>> study = Study(
        ...     name="line",
        ...     hypermodel=build,
        ...     data=lambda: Splits(part, part),
        ...     objective="val_loss",
        ... )
        >>> study.goal.direction
        'min'
    """

    name: str
    hypermodel: Callable[[kt.HyperParameters], keras.Model] | kt.HyperModel
    data: Callable[[], Splits]
    objective: str | kt.Objective | Sequence[str | kt.Objective]
    trials: int = 10
    epochs: int = 10
    batch_size: int | None = None
    seed: int = 0
    oracle: str | Callable[[kt.Objective, int], kt.Oracle] = "random"
    pruner: str | Pruner | None = None
    limits: Mapping[str, float] | None = None
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] | None = None
    retries: int | Mapping[str, int] = field(default_factory=dict)
    max_failures: int = 3
    hang: float | None = 600.0
    checkpoint: float = 30.0
    keep: int = 3
    source: Path | None = field(default=None, repr=False, compare=False)

    def __new__(cls, *_: Any, **arguments: Any) -> Study:
        """Refuse an argument that there is not, before Python does without a hint."""
        legal = [entry.name for entry in fields(cls)]
        for name in arguments:
            if name not in legal:
                near = did_you_mean(name, legal)
                raise StudyError(
                    f"Study: no argument {name!r} (it has {', '.join(legal)}){near}"
                )
        return super().__new__(cls)

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not re.fullmatch(
            r"[A-Za-z0-9_][A-Za-z0-9_.-]*", self.name
        ):
            self._fail("name", "letters, digits, '-', '_' and '.'", self.name)
        if not callable(self.hypermodel) and not isinstance(
            self.hypermodel, kt.HyperModel
        ):
            expected = "a function build(hp) or a keras_tuner.HyperModel"
            self._fail("hypermodel", expected, self.hypermodel)
        if not callable(self.data):
            self._fail("data", "a function that returns Splits", self.data)
        for name in ("trials", "epochs", "max_failures", "keep"):
            self._check_int(name, 1)
        if self.batch_size is not None:
            self._check_int("batch_size", 1)
        self._check_int("seed", 0)
        if isinstance(self.oracle, str) and self.oracle not in ORACLES:
            expected = f"one of {sorted(ORACLES)} or a function"
            self._fail(
                "oracle", expected, self.oracle, did_you_mean(self.oracle, ORACLES)
            )
        if not isinstance(self.oracle, str) and not callable(self.oracle):
            self._fail("oracle", f"one of {sorted(ORACLES)} or a function", self.oracle)
        if self.callbacks is not None and not callable(self.callbacks):
            expected = "a function that returns a list of callbacks"
            self._fail("callbacks", expected, self.callbacks)
        try:
            pruner(self.pruner)
        except ValueError as error:
            message = f"Study {self.name!r}: 'pruner' must be {error}"
            raise StudyError(message) from error
        if self.pruner is not None and self.oracle == "hyperband":
            expected = "None beside 'hyperband', which ends trials itself"
            self._fail("pruner", expected, self.pruner)
        try:
            Budget(self.limits or {}, self.build)
        except ValueError as error:
            raise StudyError(f"Study {self.name!r}: {error}") from error
        self._check_retries()
        # Signs of life come at most once a second.
        if self.hang is not None:
            self._check_seconds("hang", 2)
        self._check_seconds("checkpoint", 0)
        try:
            check(self.oracle, self.goals)
        except StudyError as error:
            raise StudyError(f"Study {self.name!r}: {error}") from error

    @functools.cached_property
    def goals(self) -> list[kt.Objective]:
        """The objectives with their directions, `"min"` or `"max"`."""
        try:
            return objectives(self.objective)
        except ValueError as error:
            message = f"Study {self.name!r}: 'objective' must be {error}"
            raise StudyError(message) from error

    @property
    def goal(self) -> kt.Objective:
        """The first objective, which trials are ranked by."""
        return self.goals[0]

    def retries_after(self, cause: str) -> int:
        """Return how often a trial runs again that ended of a cause."""
        if isinstance(self.retries, Mapping):
            return {**RETRIES, **self.retries}.get(cause, 0)
        return self.retries

    def build(self, hp: kt.HyperParameters) -> keras.Model:
        """Build the model for one point and check that it is one.

        Args:
            hp: The point.

        Raises:
            TypeError: What came is not a compiled `keras.Model`.
        """
        if isinstance(self.hypermodel, kt.HyperModel):
            model = self.hypermodel.build(hp)
        else:
            model = self.hypermodel(hp)
        if not isinstance(model, keras.Model):
            raise TypeError(
                f"Study {self.name!r}: the hypermodel must return a keras.Model, "
                f"got {type(model).__name__}"
            )
        if not model.compiled:
            raise TypeError(
                f"Study {self.name!r}: the hypermodel must return a compiled model; "
                "call model.compile(...) before returning it"
            )
        return model

    def splits(self) -> Splits:
        """Load the data and check its parts.

        Raises:
            StudyError: `data()` failed or did not return `Splits`.
        """
        try:
            parts = self.data()
        except Exception as error:
            raise StudyError(
                f"Study {self.name!r}: data() failed: {one_line(error, self.source)}"
            ) from error
        if not isinstance(parts, tuple) or len(parts) not in (2, 3):
            size = f" of {len(parts)}" if isinstance(parts, tuple) else ""
            self._fail(
                "data",
                "a function that returns Splits(train, validation, test)",
                f"{type(parts).__name__}{size}",
            )
        return Splits(*parts)

    def _check_retries(self) -> None:
        asked = self.retries
        if not isinstance(asked, Mapping):
            asked = dict.fromkeys(RETRIES, asked)
        for cause, count in asked.items():
            if cause not in RETRIES:
                near = did_you_mean(cause, RETRIES)
                self._fail("retries", f"of {', '.join(RETRIES)}", cause, near)
            if isinstance(count, bool) or not isinstance(count, int) or count < 0:
                self._fail("retries", "an int of 0 or more", count)

    def _check_seconds(self, name: str, least: float) -> None:
        value = getattr(self, name)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if not number or value < least:
            self._fail(name, f"a number of seconds, {least} or more", value)

    def _check_int(self, name: str, least: int) -> None:
        value = getattr(self, name)
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            self._fail(name, f"an int of {least} or more", value)

    def _fail(self, argument: str, expected: str, got: Any, hint: str = "") -> None:
        raise StudyError(
            f"Study {self.name!r}: {argument!r} must be {expected}, got {got!r}{hint}"
        )
