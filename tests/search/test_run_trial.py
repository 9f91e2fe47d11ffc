import dataclasses
import time
from pathlib import Path

import keras
import keras_tuner as kt
import numpy as np
import pytest

from kerasblocks.search.checkpoint import epochs_done
from kerasblocks.search.errors import Hung
from kerasblocks.search.executors import InProcess
from kerasblocks.search.jobs import Job
from kerasblocks.search.run_trial import run_trial
from tests.search.studies import compiled, data, dense, nan_loss, study


@pytest.fixture
def job(tmp_path):
    point = {"space": [], "values": {"units": 8, "rate": 0.01}}
    model, checkpoint = tmp_path / "m" / "1.keras", tmp_path / "c" / "1.npz"
    model.parent.mkdir()
    return Job(1, 1, point, 1, 4, str(model), str(checkpoint), every=0)


def go(job, epochs=None, **changes):
    """The outcome of a job, and its epochs' numbers."""
    seen = [] if epochs is None else epochs

    def on_epoch(epoch):
        seen.append(epoch.epoch)
        return True

    return run_trial(study(**changes), data(), job, on_epoch), seen


class Cut(BaseException):
    """What no user code catches, as a kill."""


def cut_after(job, last, **changes):
    def on_epoch(epoch):
        if epoch.epoch == last:
            raise Cut
        return True

    with pytest.raises(Cut):
        run_trial(study(**changes), data(), job, on_epoch)


def test_trial_that_was_cut_off_goes_on_from_its_checkpoint(job):
    cut_after(job, 3)
    assert epochs_done(Path(job.checkpoint)) == 3
    outcome, epochs = go(job)
    assert epochs == [4]
    assert outcome.status == "COMPLETED"
    model = keras.saving.load_model(job.model)
    assert int(model.optimizer.iterations) == 4
    kept = model.evaluate(*data().validation, verbose=0, return_dict=True)
    assert kept["accuracy"] == pytest.approx(outcome.score)


def test_best_epoch_before_the_cut_is_still_the_best(job):
    class Spoil(keras.callbacks.Callback):
        """After its first epoch the model is worth nothing."""

        def on_epoch_begin(self, epoch, logs=None):
            if epoch:
                self.model.set_weights([w * 0 for w in self.model.get_weights()])

    changes = {"callbacks": lambda: [Spoil()], "objective": "val_loss"}
    whole, _ = go(dataclasses.replace(job, checkpoint=job.checkpoint + ".x"), **changes)
    cut_after(job, 2, **changes)
    outcome, epochs = go(job, **changes)
    assert epochs == [3, 4]
    assert outcome.best_epoch == whole.best_epoch == 1
    assert outcome.score == pytest.approx(whole.score)
    model = keras.saving.load_model(job.model)
    assert model.evaluate(*data().validation, verbose=0)[0] == pytest.approx(
        outcome.score, rel=1e-5
    )


def test_trial_cut_off_after_its_last_epoch_has_only_to_end(job):
    cut_after(job, 4)
    outcome, epochs = go(job)
    assert epochs == []
    assert outcome.status == "COMPLETED"
    assert keras.saving.load_model(job.model)


def test_checkpoint_of_another_model_is_dropped(job):
    cut_after(job, 2)
    outcome, epochs = go(job, hypermodel=lambda hp: dense(3))
    assert epochs == [1, 2, 3, 4]
    assert outcome.status == "COMPLETED"


def test_trial_begins_from_another_trials_last_epoch(job, tmp_path):
    go(dataclasses.replace(job, epochs=2, keep_checkpoint=True, every=1e9))
    later = dataclasses.replace(
        job,
        number=2,
        warm=job.checkpoint,
        first_epoch=2,
        checkpoint=str(tmp_path / "c" / "2.npz"),
    )
    outcome, epochs = go(later)
    assert epochs == [3, 4]
    assert outcome.status == "COMPLETED"
    assert int(keras.saving.load_model(job.model).optimizer.iterations) in (3, 4)


def test_false_prunes_after_the_epoch(job):
    seen = []

    def on_epoch(epoch):
        seen.append(epoch.epoch)
        return epoch.epoch < 2

    outcome = run_trial(study(), data(), job, on_epoch)
    assert seen == [1, 2]
    assert outcome.status == "PRUNED"
    assert outcome.score is not None


class Memory(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        raise MemoryError("no more")


class Hangs(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        time.sleep(60)


class Endless(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        raise Hung("no sign of life for 600 s")


def nan(hp):
    model = dense(4)
    model.compile("sgd", nan_loss, metrics=["accuracy"], run_eagerly=True)
    return model


@pytest.mark.parametrize(
    ("changes", "cause", "words"),
    [
        ({"callbacks": lambda: [Memory()]}, "memory", "MemoryError: no more"),
        ({"callbacks": lambda: [Endless()]}, "hang", "no sign of life"),
        ({"hypermodel": nan}, "nan", "loss became nan in epoch 1"),
        ({"hypermodel": lambda hp: 1 / 0}, "exception", "ZeroDivisionError"),
        ({"objective": kt.Objective("val_acc", "max")}, "study", "did you mean"),
        ({"objective": ["val_loss", kt.Objective("f", "max")]}, "study", "got 'f'"),
    ],
)
def test_failure_has_a_cause(job, changes, cause, words):
    outcome, _ = go(job, **changes)
    assert (outcome.status, outcome.cause) == ("FAILED", cause)
    assert words in outcome.error
    assert outcome.traceback


def test_hang_in_this_process_ends_the_trial(job):
    executor = InProcess(study(callbacks=lambda: [Hangs()]))
    executor.submit(dataclasses.replace(job, hang=3))
    begun = time.monotonic()
    (outcome,) = executor.wait(lambda epoch: True)
    assert time.monotonic() - begun < 20
    assert (outcome.status, outcome.cause) == ("FAILED", "hang")
    assert "no sign of life for 3 s" in outcome.error
    assert "time.sleep(60)" in outcome.traceback


def test_every_objective_is_taken_at_the_best_epoch(job):
    outcome, _ = go(job, objective=["val_accuracy", "val_loss", "latency"])
    assert set(outcome.objectives) == {"val_accuracy", "val_loss"}
    assert outcome.objectives["val_accuracy"] == outcome.score
    assert outcome.costs == {"parameters": 610.0}
    measured, _ = go(dataclasses.replace(job, costs=("latency",)))
    assert 0 < measured.costs["latency"] < 10


def test_same_seed_gives_the_same_score(job):
    def other(name):
        return dataclasses.replace(job, checkpoint=job.checkpoint + name, every=1e9)

    scores = [go(other(name), objective="val_loss")[0].score for name in "ab"]
    assert scores[0] == scores[1]


def test_deferred_model_goes_on_too(job):
    def deferred(hp):
        layers = [
            keras.layers.Dense(4, activation="relu"),
            keras.layers.Dense(10, activation="softmax"),
        ]
        return compiled(keras.Sequential(layers))

    cut_after(job, 4, hypermodel=deferred)
    outcome, epochs = go(job, hypermodel=deferred)
    assert (outcome.status, epochs) == ("COMPLETED", [])


class Own(kt.HyperModel):
    """A hypermodel that fits in its own way."""

    def __init__(self, fit):
        super().__init__()
        self._own = fit

    def build(self, hp):
        return dense(4)

    def fit(self, hp, model, *data, **options):
        return self._own(model, *data, **options)


def test_fit_may_validate_every_second_epoch(job):
    def fit(model, *data, **options):
        return model.fit(*data, validation_freq=2, **options)

    outcome, epochs = go(job, hypermodel=Own(fit))
    assert (outcome.status, epochs) == ("COMPLETED", [1, 2, 3, 4])
    assert outcome.best_epoch in (2, 4)


def test_fit_that_never_validates_is_a_mistake_in_the_study(job):
    def fit(model, *data, validation_data, **options):
        return model.fit(*data, **options)

    outcome, _ = go(job, hypermodel=Own(fit))
    assert outcome.cause == "study"
    assert "must be a metric that training reports (accuracy, loss)" in outcome.error


def test_what_fit_returns_is_the_score_of_the_model_as_it_left_it(job):
    def fit(model, *data, **options):
        model.fit(*data, **options)
        model.set_weights([w * 0 for w in model.get_weights()])
        return np.float32(0.25)

    outcome, epochs = go(job, hypermodel=Own(fit))
    assert (outcome.score, outcome.best_epoch, epochs) == (0.25, 4, [1, 2, 3, 4])
    weights = keras.saving.load_model(job.model).get_weights()
    assert not any(w.any() for w in weights)


def test_fit_without_an_epoch_is_no_nan(job):
    outcome, _ = go(job, hypermodel=Own(lambda *_, **__: None))
    assert outcome.cause == "exception"
    assert "fit ended without one epoch" in outcome.error


def test_metric_of_many_numbers_is_left_out(job):
    class Each(keras.callbacks.Callback):
        """As `F1Score()` does, with a number for each class."""

        def on_epoch_end(self, epoch, logs=None):
            logs["f1"] = keras.ops.ones((10,))

    seen = []
    changes = {"callbacks": lambda: [Each()]}
    outcome = run_trial(study(**changes), data(), job, lambda e: not seen.append(e))
    assert outcome.status == "COMPLETED"
    assert all("val_loss" in epoch.metrics for epoch in seen)
    assert not any("f1" in epoch.metrics for epoch in seen)


def test_model_that_cannot_be_saved_fails_before_it_is_trained(job):
    class Bad(keras.layers.Layer):
        def get_config(self):
            raise NotImplementedError("no config")

    outcome, epochs = go(
        job,
        hypermodel=lambda hp: compiled(
            keras.Sequential([keras.Input((64,)), Bad(), keras.layers.Dense(10)])
        ),
    )
    assert (outcome.error, epochs) == ("NotImplementedError: no config", [])


def test_error_that_is_no_unicode_can_be_written(job):
    class Raises(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            raise OSError("no file '\udcff'")

    outcome, _ = go(job, callbacks=lambda: [Raises()])
    assert outcome.error == r"OSError: no file '\udcff'"
    assert outcome.traceback.encode()
