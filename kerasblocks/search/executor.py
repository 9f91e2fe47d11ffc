"""Run one trial: build, train, keep the best epoch. The driver decides the rest.

A `Job` and an `Outcome` are plain data, and `run_trial` needs nothing but a study
and a job: other executors (a pool of processes, a cluster) carry the one there and
the other back.
"""

from __future__ import annotations

import math
import time
import traceback
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import keras
import keras_tuner as kt

from kerasblocks.arguments import did_you_mean
from kerasblocks.files import replacing
from kerasblocks.search.errors import StudyError, one_line
from kerasblocks.search.explore import at
from kerasblocks.search.study import Splits, Study
from kerasblocks.search.trial import COMPLETED, FAILED

OnEpoch = Callable[[int, int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Job:
    """One trial to run.

    Args:
        number: The trial's number.
        point: The hyperparameters as `HyperParameters.get_config()`.
        seed: Where weights and the order of the data begin.
        model: The file for the best epoch's model.
    """

    number: int
    point: dict[str, Any]
    seed: int
    model: str


@dataclass(frozen=True)
class Outcome:
    """How a trial ended.

    Args:
        number: The trial's number.
        status: `COMPLETED` or `FAILED`.
        point: The hyperparameters, with those that only the build revealed.
        score: The best value of the objective.
        best_epoch: The epoch that gave it, from 1 on.
        params: How many parameters the model has.
        seconds: How long it took.
        epochs: The metrics of each epoch.
        error: What failed, in one line.
        traceback: What failed, whole.
    """

    number: int
    status: str
    point: dict[str, Any]
    score: float | None = None
    best_epoch: int | None = None
    params: int | None = None
    seconds: float = 0.0
    epochs: list[dict[str, float | None]] = field(default_factory=list)
    error: str | None = None
    traceback: str | None = None


class Executor(Protocol):
    """Where trials run."""

    slots: int
    """How many can run at once."""

    def submit(self, job: Job, on_epoch: OnEpoch) -> Future[Outcome]:
        """Start a trial; `on_epoch(number, epoch, metrics)` is called as it runs."""
        ...

    def close(self) -> None:
        """Stop what runs and let go of what is held."""
        ...


class InProcess:
    """Runs each trial at once, in this process.

    Args:
        study: The study.
    """

    slots = 1

    def __init__(self, study: Study) -> None:
        self._study = study
        self._splits: Splits | None = None

    def submit(self, job: Job, on_epoch: OnEpoch) -> Future[Outcome]:
        """Run the trial and return its future, which is done."""
        if self._splits is None:
            self._splits = self._study.splits()
        future: Future[Outcome] = Future()
        future.set_result(run_trial(self._study, self._splits, job, on_epoch))
        return future

    def close(self) -> None:
        """Nothing is held."""


class _Failed(Exception):
    """A trial that trained, but to nothing."""


def run_trial(study: Study, splits: Splits, job: Job, on_epoch: OnEpoch) -> Outcome:
    """Build and train the model of one point and save its best epoch.

    Args:
        study: The study.
        splits: Its data.
        job: The trial.
        on_epoch: Called after each epoch.

    Returns:
        The outcome; an exception in the user's code is an outcome too.

    Raises:
        StudyError: The objective is not among the metrics: no trial can succeed.
    """
    # Without this each trial leaves its graph behind and the next is slower.
    keras.utils.clear_session()
    keras.utils.set_random_seed(job.seed % 2**32)
    begun = time.perf_counter()
    hp = at(job.point)
    watch = _Watch(study, job.number, on_epoch)
    params = None
    try:
        model = study.build(hp)
        params = model.count_params()
        result = _fit(study, splits, hp, model, watch)
        watch.add_result(result)
        params = model.count_params()
        if watch.best_epoch is None:
            raise _Failed("fit ended without one epoch")
        if watch.best_weights is not None:
            model.set_weights(watch.best_weights)
        with replacing(Path(job.model)) as draft:
            model.save(draft)
        failure: dict[str, Any] = {}
    except StudyError:
        raise
    except _Failed as error:
        failure = {"error": str(error), "traceback": str(error)}
    except Exception as error:
        failure = {
            "error": one_line(error, study.source),
            "traceback": traceback.format_exc(),
        }
    return Outcome(
        number=job.number,
        status=FAILED if failure else COMPLETED,
        point=hp.get_config(),
        score=None if failure else watch.score,
        best_epoch=None if failure else watch.best_epoch,
        params=params,
        seconds=time.perf_counter() - begun,
        epochs=watch.epochs,
        **failure,
    )


def _fit(
    study: Study, splits: Splits, hp: kt.HyperParameters, model: Any, watch: Any
) -> Any:
    data = splits.train if isinstance(splits.train, tuple) else (splits.train,)
    options: dict[str, Any] = {
        "epochs": study.epochs,
        "validation_data": splits.validation,
        "verbose": 0,
        "callbacks": [*(study.callbacks() if study.callbacks else ()), watch],
    }
    if study.batch_size is not None:
        options["batch_size"] = study.batch_size
    if len(data) == 3:
        options["sample_weight"] = data[2]
    if isinstance(study.hypermodel, kt.HyperModel):
        return study.hypermodel.fit(hp, model, *data[:2], **options)
    return model.fit(*data[:2], **options)


class _Watch(keras.callbacks.Callback):
    """Reports epochs, keeps the best one's weights, stops what has gone to NaN."""

    def __init__(self, study: Study, number: int, on_epoch: OnEpoch) -> None:
        super().__init__()
        self._study = study
        self._goal = study.goal
        self._number = number
        self._on_epoch = on_epoch
        self.epochs: list[dict[str, float | None]] = []
        self.score: float | None = None
        self.best_epoch: int | None = None
        self.best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        if self._add(logs or {}):
            self.best_weights = self.model.get_weights()

    def add_result(self, result: Any) -> None:
        """Take what a HyperModel's own `fit` returned where it ran no callbacks."""
        if self.epochs:
            return
        if isinstance(result, keras.callbacks.History):
            result = {name: values[-1] for name, values in result.history.items()}
        if isinstance(result, (int, float)):
            result = {self._goal.name: result}
        if isinstance(result, Mapping):
            self._add(result)

    def _add(self, logs: Mapping[str, Any]) -> bool:
        metrics = {name: float(value) for name, value in logs.items()}
        if self._goal.name not in metrics:
            raise StudyError(
                f"Study {self._study.name!r}: 'objective' must be a metric that "
                f"training reports ({', '.join(metrics) or 'none'}), got "
                f"{self._goal.name!r}{did_you_mean(self._goal.name, metrics)}"
            )
        # As the memory keeps them: SQLite and JSON know no NaN.
        self.epochs.append(
            {k: v if math.isfinite(v) else None for k, v in metrics.items()}
        )
        self._on_epoch(self._number, len(self.epochs), metrics)
        for name in ("loss", self._goal.name):
            if not math.isfinite(metrics.get(name, 0.0)):
                raise _Failed(
                    f"{name} became {metrics[name]} in epoch {len(self.epochs)}"
                )
        value = metrics[self._goal.name]
        if self.score is None or self._goal.better_than(value, self.score):
            self.score, self.best_epoch = value, len(self.epochs)
            return True
        return False
