"""Run one trial: build, train, keep the best epoch. The driver decides the rest."""

from __future__ import annotations

import time
import traceback
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt

from kerasblocks.files import replacing
from kerasblocks.search import checkpoint
from kerasblocks.search.checkpoint import Checkpoint, Progress, epochs_done
from kerasblocks.search.errors import Hung, StudyError, one_line, readable
from kerasblocks.search.explore import at
from kerasblocks.search.garbage import spare_what_stays
from kerasblocks.search.jobs import Job, OnEpoch, Outcome
from kerasblocks.search.latency import latency
from kerasblocks.search.study import Splits, Study
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED
from kerasblocks.search.watch import Alive, Failed, Misfit, Start, Watch

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
        except Misfit:
            # The code changed since the checkpoint was written.
            Path(job.checkpoint).unlink(missing_ok=True)
            start = Start(None, Progress())
            facts = _run(study, splits, job, hp, start, on_epoch, alive)
    except Failed as error:
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


def _start(job: Job) -> Start:
    own = Path(job.checkpoint)
    if epochs_done(own):
        saved = Checkpoint(own)
        return Start(saved, saved.progress)
    if job.warm is not None and Path(job.warm).exists():
        return Start(Checkpoint(Path(job.warm)), Progress(), job.first_epoch)
    return Start(None, Progress())


def _run(
    study: Study,
    splits: Splits,
    job: Job,
    hp: kt.HyperParameters,
    start: Start,
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
    watch = Watch(study, splits, job, start, on_epoch, alive)
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
    start: Start,
    watch: Watch,
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


def _cause(error: BaseException) -> str:
    if isinstance(error, StudyError):
        return "study"
    if isinstance(error, Hung):
        return "hang"
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if kinds & set(_NO_MEMORY) or "RESOURCE_EXHAUSTED" in str(error):
        return "memory"
    return "exception"
