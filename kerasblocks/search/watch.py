"""What is seen of a trial while it trains: epochs told, the best kept, state saved."""

from __future__ import annotations

import contextlib
import math
import numbers
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras

from kerasblocks.core.arguments import did_you_mean
from kerasblocks.search import checkpoint
from kerasblocks.search.checkpoint import Checkpoint, Progress
from kerasblocks.search.errors import StudyError
from kerasblocks.search.jobs import Epoch, Job, OnEpoch
from kerasblocks.search.objectives import COSTS
from kerasblocks.search.study import Splits, Study

Alive = Callable[[], None]


class Failed(Exception):
    """A trial whose loss or objective is no number any more."""


class Misfit(Exception):
    """A checkpoint of another model."""


class Start:
    """Where training begins: from nothing, a checkpoint, or another trial's."""

    def __init__(
        self, saved: Checkpoint | None, progress: Progress, first: int = 0
    ) -> None:
        self.saved, self.progress = saved, progress
        self.epoch = max(progress.epoch, first)


class Watch(keras.callbacks.Callback):
    """Reports epochs, keeps the best one's weights, stops what has gone to NaN."""

    def __init__(
        self,
        study: Study,
        splits: Splits,
        job: Job,
        start: Start,
        on_epoch: OnEpoch,
        alive: Alive | None,
    ) -> None:
        super().__init__()
        self._splits = splits
        self._name = study.name
        self._goal = study.goal
        self._metrics = [goal.name for goal in study.goals if goal.name not in COSTS]
        self._job, self._start = job, start
        self._on_epoch, self._alive = on_epoch, alive
        self._saved_at = self._alive_at = time.monotonic()
        self.progress = start.progress
        self.progress.epoch = start.epoch
        self.pruned = False
        self.missing: StudyError | None = None
        self._epochs = 0

    def on_train_begin(self, logs: Mapping[str, Any] | None = None) -> None:
        if self._start.saved is None:
            return
        try:
            _build(self.model, self._splits)
            self._start.saved.restore(self.model)
        except ValueError as error:
            raise Misfit from error
        finally:
            self._start.saved = None

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        self._live()

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        self._live()

    def on_epoch_end(self, epoch: int, logs: Mapping[str, Any] | None = None) -> None:
        self._epochs += 1
        if self._take(logs or {}, epoch + 1):
            self.progress.best_weights = self.model.get_weights()
        now = time.monotonic()
        if now - self._saved_at >= self._job.every:
            checkpoint.save(Path(self._job.checkpoint), self.model, self.progress)
            self._saved_at = now
        self._say(logs or {})
        if self.pruned:
            self.model.stop_training = True

    def add_result(self, result: Any) -> None:
        """Take what a HyperModel's own `fit` returned.

        Metrics, or a number, are the score of the model as `fit` left it, whatever
        its epochs were; a history counts where no callbacks ran.
        """
        if isinstance(result, keras.callbacks.History):
            if self._epochs:
                return
            result = {name: values[-1] for name, values in result.history.items()}
        if isinstance(result, numbers.Real):
            result = {self._goal.name: result}
        if isinstance(result, Mapping):
            self.progress = Progress()
            self._take(result, max(1, self._start.epoch + self._epochs))
            if not self._epochs:
                self._say(result)

    def _live(self) -> None:
        now = time.monotonic()
        if self._alive is not None and now - self._alive_at >= 1:
            self._alive_at = now
            self._alive()

    def _take(self, logs: Mapping[str, Any], epoch: int) -> bool:
        metrics = _scalars(logs)
        self.missing = self._what_is_missing(metrics)
        progress = self.progress
        progress.epoch = epoch
        for name in ("loss", *self._metrics):
            if not math.isfinite(metrics.get(name, 0.0)):
                self._say(logs)
                raise Failed(f"{name} became {metrics[name]} in epoch {epoch}")
        if self.missing is not None:
            return False
        value = metrics[self._goal.name]
        if progress.score is not None and not self._goal.better_than(
            value, progress.score
        ):
            return False
        progress.score, progress.best_epoch = value, epoch
        progress.objectives = {name: metrics[name] for name in self._metrics}
        return True

    def _what_is_missing(self, metrics: Mapping[str, float]) -> StudyError | None:
        """The error to end with if no epoch brings the objectives.

        Raises:
            StudyError: None will. A `fit` of the user's own need not validate after
                each epoch, so that only an epoch that was validated tells.
        """
        validated = any(name.startswith("val_") for name in metrics)
        for name in self._metrics:
            if name not in metrics:
                error = StudyError(
                    f"Study {self._name!r}: 'objective' must be a metric that "
                    f"training reports ({', '.join(metrics) or 'none'}), got "
                    f"{name!r}{did_you_mean(name, metrics)}"
                )
                if validated or not name.startswith("val_"):
                    raise error
                return error
        return None

    def _say(self, logs: Mapping[str, Any]) -> None:
        # As the memory keeps them: SQLite and JSON know no NaN.
        metrics = _scalars(logs)
        finite = {k: v if math.isfinite(v) else None for k, v in metrics.items()}
        goes_on = self._on_epoch(Epoch(self._job.number, self.progress.epoch, finite))
        self.pruned = self.pruned or not goes_on


def _scalars(logs: Mapping[str, Any]) -> dict[str, float]:
    """The metrics that are one number: `F1Score()`, say, has one for each class."""
    found: dict[str, float] = {}
    for name, value in logs.items():
        # PyTorch raises a RuntimeError.
        with contextlib.suppress(TypeError, ValueError, RuntimeError):
            found[name] = float(value)
    return found


def _build(model: Any, splits: Splits) -> None:
    """Build a model and its optimizer without training it."""
    if not model.built:
        train = splits.train
        x = train[0] if isinstance(train, tuple) else next(iter(train))[0]
        model(keras.tree.map_structure(lambda part: part[:1], x))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)
