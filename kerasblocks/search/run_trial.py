"""Run one trial: build, train, keep the best epoch. The driver decides the rest."""

from __future__ import annotations

import contextlib
import math
import numbers
import time
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt

from kerasblocks.arguments import did_you_mean
from kerasblocks.files import replacing
from kerasblocks.search import checkpoint
from kerasblocks.search.checkpoint import Checkpoint, Progress, epochs_done
from kerasblocks.search.errors import Hung, StudyError, one_line, readable
from kerasblocks.search.explore import at
from kerasblocks.search.garbage import spare_what_stays
from kerasblocks.search.jobs import Epoch, Job, OnEpoch, Outcome
from kerasblocks.search.latency import latency
from kerasblocks.search.objectives import COSTS
from kerasblocks.search.study import Splits, Study
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED

Alive = Callable[[], None]
_NO_MEMORY = ("MemoryError", "ResourceExhaustedError", "OutOfMemoryError")


def run_trial(
    study: Study,
    splits: Splits,
    job: Job,
    on_epoch: OnEpoch,
    alive: Alive | None = None,
) -> Outcome:
    """Build and train the model of one point and save its best epoch.

    Where the job's checkpoint is there, training goes on from it, with the
    optimizer's state; the order of the data and the state of callbacks begin anew.

    Args:
        study: The study.
        splits: Its data.
        job: The trial.
        on_epoch: Called after each epoch; False ends the trial as pruned.
        alive: Called about once a second while it trains, as a sign of life.

    Returns:
        The outcome; an exception in the user's code is an outcome too, and a
        mistake in the study itself is one with the cause `"study"`.
    """
    begun = time.perf_counter()
    hp = at(job.point)
    facts: dict[str, Any] = {}
    try:
        start = _start(job)
        try:
            facts = _run(study, splits, job, hp, start, on_epoch, alive)
        except _Misfit:
            # The code changed since the checkpoint was written.
            Path(job.checkpoint).unlink(missing_ok=True)
            start = _Start(None, Progress())
            facts = _run(study, splits, job, hp, start, on_epoch, alive)
    except _Failed as error:
        facts = {"status": FAILED, "cause": "nan", "error": str(error)}
        facts["traceback"] = str(error)
    except (Exception, Hung) as error:
        facts = {
            "status": FAILED,
            "cause": _cause(error),
            "error": readable(str(error))
            if isinstance(error, StudyError)
            else one_line(error, study.source),
            "traceback": readable(traceback.format_exc()),
        }
    seconds = time.perf_counter() - begun
    return Outcome(job.number, point=hp.get_config(), seconds=seconds, **facts)


class _Failed(Exception):
    """A trial whose loss or objective is no number any more."""


class _Misfit(Exception):
    """A checkpoint of another model."""


class _Start:
    """Where training begins: from nothing, a checkpoint, or another trial's."""

    def __init__(
        self, saved: Checkpoint | None, progress: Progress, first: int = 0
    ) -> None:
        self.saved, self.progress = saved, progress
        self.epoch = max(progress.epoch, first)


def _start(job: Job) -> _Start:
    own = Path(job.checkpoint)
    if epochs_done(own):
        saved = Checkpoint(own)
        return _Start(saved, saved.progress)
    if job.warm is not None and Path(job.warm).exists():
        return _Start(Checkpoint(Path(job.warm)), Progress(), job.first_epoch)
    return _Start(None, Progress())


def _run(
    study: Study,
    splits: Splits,
    job: Job,
    hp: kt.HyperParameters,
    start: _Start,
    on_epoch: OnEpoch,
    alive: Alive | None,
) -> dict[str, Any]:
    spare_what_stays()
    # Without this each trial leaves its graph behind and the next is slower.
    keras.utils.clear_session()
    keras.utils.set_random_seed((job.seed + start.epoch) % 2**32)
    model: Any = study.build(hp)
    # What cannot be saved is to fail now, not after hours of training.
    keras.saving.serialize_keras_object(model)
    watch = _Watch(study, splits, job, start, on_epoch, alive)
    if start.epoch < job.epochs:
        result = _fit(study, splits, job, hp, model, start, watch)
        watch.add_result(result)
    else:
        # It was cut off between its last epoch and its end.
        watch.set_model(model)
        watch.on_train_begin()
    progress = watch.progress
    if progress.best_epoch is None:
        raise watch.missing or RuntimeError("fit ended without one epoch")
    if job.keep_checkpoint:
        checkpoint.save(Path(job.checkpoint), model, progress)
    if progress.best_weights is not None:
        model.set_weights(progress.best_weights)
    with replacing(Path(job.model)) as draft:
        model.save(draft)
    costs = {"parameters": float(model.count_params())}
    if "latency" in job.costs:
        costs["latency"] = latency(model, splits.validation)
    return {
        "status": PRUNED if watch.pruned else COMPLETED,
        "score": progress.score,
        "objectives": progress.objectives,
        "best_epoch": progress.best_epoch,
        "costs": costs,
    }


def _fit(
    study: Study,
    splits: Splits,
    job: Job,
    hp: kt.HyperParameters,
    model: Any,
    start: _Start,
    watch: _Watch,
) -> Any:
    data = splits.train if isinstance(splits.train, tuple) else (splits.train,)
    options: dict[str, Any] = {
        "epochs": job.epochs,
        "validation_data": splits.validation,
        "verbose": 0,
        "callbacks": [*(study.callbacks() if study.callbacks else ()), watch],
    }
    if start.epoch:
        options["initial_epoch"] = start.epoch
    if study.batch_size is not None:
        options["batch_size"] = study.batch_size
    if len(data) == 3:
        options["sample_weight"] = data[2]
    if isinstance(study.hypermodel, kt.HyperModel):
        return study.hypermodel.fit(hp, model, *data[:2], **options)
    return model.fit(*data[:2], **options)


def _build(model: Any, splits: Splits) -> None:
    """Build a model and its optimizer without training it."""
    if not model.built:
        train = splits.train
        x = train[0] if isinstance(train, tuple) else next(iter(train))[0]
        model(keras.tree.map_structure(lambda part: part[:1], x))
    if not model.optimizer.built:
        model.optimizer.build(model.trainable_variables)


class _Watch(keras.callbacks.Callback):
    """Reports epochs, keeps the best one's weights, stops what has gone to NaN."""

    def __init__(
        self,
        study: Study,
        splits: Splits,
        job: Job,
        start: _Start,
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
            raise _Misfit from error
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
                raise _Failed(f"{name} became {metrics[name]} in epoch {epoch}")
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


def _cause(error: BaseException) -> str:
    if isinstance(error, StudyError):
        return "study"
    if isinstance(error, Hung):
        return "hang"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & set(_NO_MEMORY) or "RESOURCE_EXHAUSTED" in str(error):
        return "memory"
    return "exception"
