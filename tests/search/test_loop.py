"""What the loop decides: retries, the end of the time, pruning, several objectives."""

import sqlite3
import time
from pathlib import Path

import keras
import keras_tuner as kt
import pytest

from kerasblocks.search import StudyError, read
from kerasblocks.search.jobs import Epoch, Outcome
from kerasblocks.search.store import Store
from tests.search.studies import study


class Scripted:
    """An executor whose trials end as a script says; trains nothing."""

    def __init__(self, *script, slots=1):
        self.script, self.slots, self.jobs = list(script), slots, []
        self.flying = []

    def submit(self, job):
        self.jobs.append(job)
        self.flying.append(job)
        return f"worker {len(self.flying)}"

    def wait(self, on_epoch):
        job = self.flying.pop()
        cause = self.script.pop(0) if self.script else None
        if cause is None:
            for epoch in range(1, job.epochs + 1):
                on_epoch(Epoch(job.number, epoch, {"val_accuracy": 0.5}))
        facts = {"status": "FAILED", "cause": cause, "error": f"it was {cause}"}
        if cause is None:
            facts = {"status": "COMPLETED", "score": 0.5, "best_epoch": 1}
            facts |= {"objectives": {"val_accuracy": 0.5}}
        return [Outcome(job.number, point=job.point, seconds=1.0, **facts)]

    def close(self):
        pass


def attempts(result):
    return [[a.cause for a in trial.attempts] for trial in result.trials]


class Together(Scripted):
    """Runs a script's trials, which all save a model before any is told of."""

    def __init__(self, scores):
        super().__init__(slots=len(scores))
        self.scores = scores

    def wait(self, on_epoch):
        jobs, self.flying = self.flying, []
        for job in jobs:
            Path(job.model).write_text(f"the model of {job.number}")
        facts = {"status": "COMPLETED", "best_epoch": 1}
        scores = {job.number: self.scores[job.number - 1] for job in jobs}
        return [Outcome(job.number, score=scores[job.number], **facts) for job in jobs]


def test_model_that_a_worker_saved_stays_until_its_trial_is_told_of(search):
    result = search(study(trials=3, keep=1), executor=Together([0.1, 0.9, 0.5]))
    assert result.best.number == 2
    assert (search.folder / "best.keras").read_text() == "the model of 2"
    models = [path.name for path in (search.folder / "models").iterdir()]
    assert models == ["trial-0002.keras"]
    assert "cannot be loaded, so the best model is untested" in search.said


def test_error_of_the_driver_is_no_failure_of_the_trial(search, monkeypatch):
    def full(*_):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Store, "add_epoch", full)
        with pytest.raises(sqlite3.OperationalError, match="disk is full"):
            search(study(trials=1))
    assert read(search.folder).trials[0].status == "INTERRUPTED"
    assert search(study(trials=1)).trials[0].status == "COMPLETED"


def test_trial_that_came_to_its_last_epoch_is_not_pruned(search):
    pruner = lambda goal, values, others: len(values) == 2  # noqa: E731
    result = search(study(trials=1, epochs=2, pruner=pruner), executor=Scripted())
    assert result.trials[0].status == "COMPLETED"


def test_killed_between_a_checkpoint_and_its_epochs_metrics(search):
    """The epoch is in the checkpoint, and was never told of."""

    class Kill(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 2:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        search(study(trials=1, epochs=4, checkpoint=0, callbacks=lambda: [Kill()]))
    memory = sqlite3.connect(search.folder / "memory.sqlite")
    with memory:
        memory.execute("DELETE FROM epochs WHERE epoch = 2")
    memory.close()
    seen = []
    pruner = lambda goal, values, others: seen.append(values)  # noqa: E731
    (trial,) = search(study(trials=1, epochs=4, pruner=pruner)).trials
    assert [bool(epoch) for epoch in trial.epochs] == [True, False, True, True]
    assert [len(values) for values in seen] == [3]
    assert read(search.folder).trials == [trial]


def test_hyperband_whose_checkpoints_are_gone_begins_trials_anew(search):
    def go(trials):
        wanted = study(trials=trials, epochs=4, oracle="hyperband")
        return search(wanted, executor=Scripted())

    go(5)
    later = [trial for trial in go(7).trials if trial.number > 5]
    assert {trial.until for trial in later} == {4}
    for trial in later:
        assert (trial.parent, trial.first_epoch, len(trial.epochs)) == (None, 0, 4)
        assert trial.attempts[0].epoch == 1


def test_killed_trial_runs_again_from_its_seed_and_then_fails(search):
    executor = Scripted("killed", None, "killed", "killed")
    result = search(study(trials=2), executor=executor)
    assert attempts(result) == [["killed", None], ["killed", "killed"]]
    assert [trial.status for trial in result.trials] == ["COMPLETED", "FAILED"]
    assert [job.seed for job in executor.jobs] == [1, 1, 2, 2]
    assert [job.attempt for job in executor.jobs] == [1, 2, 1, 2]
    assert result.trials[0].seconds == 2.0
    assert "trial 1 failed and runs again: it was killed" in search.said
    assert "trial 2/2  FAILED after 2.0 s: it was killed" in search.said
    assert read(search.folder).trials == result.trials


def test_exception_runs_again_only_if_asked_and_from_another_seed(search, tmp_path):
    executor = Scripted("exception", "exception", "exception", None)
    asked = study(trials=2, retries={"exception": 1})
    result = search(asked, executor=executor)
    assert attempts(result) == [["exception"] * 2, ["exception", None]]
    seeds = [job.seed for job in executor.jobs]
    assert len(set(seeds)) == 4
    plain = search(
        study(trials=1), executor=Scripted("exception"), out=tmp_path / "plain"
    )
    assert attempts(plain) == [["exception"]]


def test_retries_may_be_one_number_for_all(search):
    result = search(study(trials=1, retries=2), executor=Scripted("nan", "hang"))
    assert attempts(result) == [["nan", "hang", None]]


def test_mistake_in_the_study_ends_the_search(search):
    with pytest.raises(StudyError, match="it was study"):
        search(study(), executor=Scripted("study"))
    assert read(search.folder).trials[0].status == "INTERRUPTED"


def test_trials_of_several_workers_end_in_any_order(search):
    executor = Scripted(slots=3)
    result = search(study(trials=5), executor=executor)
    assert [trial.number for trial in result.trials] == [1, 2, 3, 4, 5]
    assert {trial.status for trial in result.trials} == {"COMPLETED"}
    assert [job.number for job in executor.jobs][:3] == [1, 2, 3]
    assert len({str(trial.values) for trial in result.trials}) == 5


class Slow(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        time.sleep(0.3)


def test_time_ends_the_search_within_a_trial_which_goes_on_later(search):
    slow = study(trials=2, epochs=30, callbacks=lambda: [Slow()], checkpoint=0)
    first = search(slow, seconds=3)
    assert "the time is up: 0 of 2 trials are finished" in search.said
    assert "run the same command again to go on" in search.said
    (cut,) = first.trials
    assert cut.status == "INTERRUPTED"
    assert 0 < len(cut.epochs) < 30
    again = search(study(trials=1, epochs=30), trials=1)
    assert again.trials[0].status == "COMPLETED"
    assert len(again.trials[0].epochs) == 30
    one, two = again.trials[0].attempts
    assert (one.epoch, two.epoch) == (1, len(cut.epochs) + 1)
    assert not list((search.folder / "checkpoints").iterdir())


def test_pruner_is_asked_before_each_further_epoch_with_the_others_curves(search):
    asked = []

    def pruner(goal, values, others):
        asked.append((len(values), [len(curve) for curve in others]))
        return len(values) == 2 and bool(others)

    result = search(study(trials=2, epochs=3, pruner=pruner))
    assert asked == [(1, []), (2, []), (1, [3]), (2, [3])]
    assert [trial.status for trial in result.trials] == ["COMPLETED", "PRUNED"]
    assert [len(trial.epochs) for trial in result.trials] == [3, 2]
    assert "trial 2/2  pruned after 2 epochs" in search.said
    assert search(study(trials=2, epochs=3, pruner=pruner)).new == 0


def test_several_objectives_give_a_front(search):
    goals = ["val_accuracy", "parameters", "macs", "latency"]
    result = search(study(trials=3, objective=goals))
    for trial in result.trials:
        assert set(trial.objectives) == set(goals)
        units = trial.values["units"]
        assert trial.objectives["parameters"] == 64 * units + units + units * 10 + 10
        assert trial.objectives["macs"] == 64 * units + units * 10
        assert trial.objectives["latency"] > 0
    best = min(result.trials, key=lambda trial: trial.objectives["parameters"])
    assert best.objectives["parameters"] in [
        trial.objectives["parameters"] for trial in result.front
    ]
    assert read(search.folder).front == result.front
    with pytest.raises(StudyError, match="objective 'val_accuracy, parameters, macs"):
        search(study(trials=3))


def test_point_beyond_the_limits_is_not_tried(search):
    result = search(study(trials=5, limits={"parameters": 1300}))
    assert {trial.status for trial in result.trials} == {"COMPLETED"}
    assert all(trial.values["units"] <= 16 for trial in result.trials)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"limits": {"parameter": 3}}, "'parameter'; did you mean 'parameters'"),
        ({"limits": {"latency": 3}}, "'limits' must be of 'parameters', 'macs', 'mem"),
        (
            {"limits": {"macs": 0}},
            "limit of 'macs' must be a positive number, got 0",
        ),
        ({"retries": {"kiled": 1}}, "'kiled'; did you mean 'killed'"),
        ({"retries": -1}, "'retries' must be an int of 0 or more, got -1"),
        ({"pruner": "asa"}, "'asa'; did you mean 'asha'"),
        ({"pruner": 3}, "'pruner' must be one of"),
        ({"hang": "1"}, "'hang' must be a number of seconds, 2 or more, got '1'"),
        (
            {"checkpoint": None},
            "'checkpoint' must be a number of seconds, 0 or more, got None",
        ),
        ({"pruner": "asha", "oracle": "hyperband"}, "None beside 'hyperband'"),
    ],
)
def test_wrong_setting_is_named_with_what_was_expected(change, words):
    with pytest.raises(StudyError, match=f"^Study .*{words}"):
        study(**change)


def test_hyperband_goes_on_from_the_weights_of_the_round_before(search):
    def hyperband(objective, seed):
        return kt.oracles.HyperbandOracle(
            objective=objective, seed=seed, max_epochs=4, factor=2
        )

    result = search(study(trials=10, epochs=4, oracle=hyperband))
    promoted = [trial for trial in result.trials if trial.parent is not None]
    assert promoted
    for trial in promoted:
        parent = result.trials[trial.parent - 1]
        assert trial.first_epoch == (parent.until or 4)
        assert len(trial.epochs) == trial.until - trial.first_epoch
