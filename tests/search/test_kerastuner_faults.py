"""What KerasTuner 1.4.8's loop and files get wrong, and what ours do instead.

Each comment says what KerasTuner does; the test under it is of ours. Faults that have
their test elsewhere:

- a worker that dies (the chief waits for ever): `executors/test_pool.py`, and
  `test_kills.py` with real kills;
- a trial that kills its worker is tried for ever: `executors/test_pool.py`, and
  `test_loop.py::test_killed_trial_runs_again_from_its_seed_and_then_fails`;
- Bayesian points repeat, and take seconds: `oracles/test_bayesian.py`;
- a list of objectives is one unscaled sum:
  `test_loop.py::test_several_objectives_give_a_front`;
- `seed=0` is no seed: `test_driver.py::test_same_seed_same_trials_and_scores_...`;
- a trial costs more time and memory than the one before: measured by
  `benchmarks/search.py`; here is only what is the same each time.
"""

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import keras
import pytest

from kerasblocks import files
from kerasblocks.search import SearchFailed, StudyError, read
from kerasblocks.search.store import Store
from kerasblocks.search.trial import HERE
from tests.search.invariants import check, check_whole
from tests.search.studies import build, dense, nan_loss, study
from tests.search.test_loop import Scripted

ROOT = Path(__file__).parents[2]


class Killed(BaseException):
    """Ends a search as SIGKILL does, in the tests' own process."""


@pytest.fixture
def killed(monkeypatch, search):
    """Runs a study until something in it raises `Killed`; nothing is tidied up."""
    interrupt = Store.interrupt

    def only_at_the_start(store, ended=None):
        if ended is None:
            interrupt(store)

    monkeypatch.setattr(Store, "interrupt", only_at_the_start)
    monkeypatch.setattr(Store, "end_session", lambda *_: None)

    def go(*arguments, **options):
        with pytest.raises(Killed):
            search(*arguments, **options)

    return go


class Deadly(keras.callbacks.Callback):
    """Kills the process in the epochs it is given, one after the other."""

    def __init__(self, epochs):
        super().__init__()
        self.epochs = epochs

    def on_epoch_begin(self, epoch, logs=None):
        if self.epochs and epoch + 1 == self.epochs[0]:
            self.epochs.pop(0)
            raise Killed


def deadly(deaths, **changes):
    return study(**{"callbacks": lambda: [Deadly(deaths)], "epochs": 5} | changes)


# A trial that takes its process with it is begun again by whoever reopens the project,
# for ever.


def test_trial_that_always_kills_the_driver_fails_and_the_search_goes_on(
    search, killed
):
    at_once = deadly([1, 1, 1], trials=2, epochs=1)
    for _ in range(3):
        killed(at_once)
    result = search(at_once)
    first, second = result.trials
    assert (first.status, second.status) == ("FAILED", "COMPLETED")
    assert [attempt.cause for attempt in first.attempts] == ["killed"] * 3
    assert first.attempts[-1].worker == HERE
    words = "the process that searched died 3 times in this trial after epoch 0"
    assert first.error.startswith(words)
    assert f" s: {words}" in search.said
    assert (search.folder / "best.keras").exists()
    assert f"units={first.values['units']}" in search.said
    assert read(search.folder).trials == result.trials
    check_whole(search.folder, 2, failed=[1])


def test_trial_that_always_kills_the_driver_late_fails_too(search, killed):
    # Its first checkpoint would be due in half a minute; once it was killed, each
    # epoch leaves one, and it is seen to come no further.
    late = deadly([3] * 5, trials=2)
    for _ in range(5):
        killed(late)
    first, second = search(late).trials
    assert (first.status, second.status) == ("FAILED", "COMPLETED")
    assert [attempt.epoch for attempt in first.attempts] == [1, 1, 3, 3, 3]
    assert len(first.epochs) == 2


def test_good_trial_whose_driver_is_killed_time_and_again_completes(search, killed):
    often = deadly([1, 1, 2, 3, 3, 4, 5, 5], trials=1)
    for _ in range(8):
        killed(often)
    (trial,) = search(often).trials
    assert trial.status == "COMPLETED"
    assert [attempt.epoch for attempt in trial.attempts] == [1, 1, 1, 2, 3, 3, 4, 5, 5]
    assert len(trial.epochs) == 5
    check_whole(search.folder, 1)


def test_trial_in_another_process_is_not_to_blame_for_the_drivers_end(search, killed):
    class Remote(Scripted):
        def wait(self, on_epoch):
            if len(ends) < 5:
                ends.append(self.jobs[-1].number)
                raise Killed
            return super().wait(on_epoch)

    ends = []
    for _ in range(5):
        killed(study(trials=1), executor=Remote())
    assert ends == [1] * 5
    (trial,) = search(study(trials=1), executor=Remote()).trials
    assert trial.status == "COMPLETED"


# JSON is written in place: of 50 kills 13 left a file that cannot be read, and then no
# resume works, nor says which file it is.


def test_end_at_any_write_leaves_whole_files_and_loses_nothing(
    search, killed, monkeypatch
):
    """Ends a search at its first write, the next at its third, and so on."""
    left = 0

    def at_write(work):
        def dies(*arguments):
            nonlocal left
            left -= 1
            if left == 0:
                raise Killed
            return work(*arguments)

        return dies

    monkeypatch.setattr(files.os, "replace", at_write(os.replace))
    monkeypatch.setattr(Store, "_transaction", at_write(Store._transaction))
    before, asked = {}, 0
    for last in range(1, 99, 2):
        left, asked = last, len(before) + 1
        again = study(trials=asked, checkpoint=0, keep=1)
        try:
            search(again)
            break
        except Killed:
            before = check(search.folder, before, models=2)
    assert last > 10
    check_whole(search.folder, asked, before, keep=1)


# A trial's file that is lost has the next trial take its number and overwrite it.


def test_no_lost_file_makes_a_trial_overwrite_another(search):
    search(study(trials=1))
    lost = [path for path in search.folder.rglob("*") if path.is_file()]
    lost = [path for path in lost if not path.name.startswith("memory.sqlite")]
    assert len(lost) >= 5
    for trials, path in enumerate(lost, 2):
        before = check(search.folder)
        kept = models(search.folder)
        path.unlink(missing_ok=True)
        result = search(study(trials=trials))
        assert [trial.number for trial in result.trials] == [*range(1, trials + 1)]
        assert result.new == 1
        check(search.folder, before)
        for name, content in models(search.folder).items():
            assert name not in kept or kept[name] == content


def test_lost_memory_is_said_and_no_model_is_overwritten(search):
    search(study(trials=1))
    for path in search.folder.glob("memory.sqlite*"):
        path.unlink()
    kept = models(search.folder)
    with pytest.raises(StudyError, match=r"its memory \(memory.sqlite\) is gone: put"):
        search(study(trials=1))
    assert models(search.folder) == kept
    assert not list(search.folder.glob("memory.sqlite*"))


def models(folder):
    return {path.name: path.read_bytes() for path in (folder / "models").iterdir()}


# A dead worker's trial of Hyperband is waited for, in a loop that never sleeps.


def test_hyperband_ends_though_trials_are_lost(search):
    executor = Scripted(*["killed", None] * 4, slots=2)
    lossy = study(trials=12, epochs=4, oracle="hyperband", retries=0, max_failures=9)
    result = search(lossy, executor=executor)
    assert {trial.status for trial in result.trials} == {"COMPLETED", "FAILED"}
    assert all(trial.ended for trial in result.trials)


# The NaN of a first run stays among a trial's metrics: the retry's good ones are
# averaged with it, and thrown away.


def test_retry_after_nan_counts_with_its_own_results(search):
    def nan_at_first(hp):
        model = dense(hp.Int("units", 1, 64))
        builds.append(1)
        if len(builds) == 2:
            model.compile("sgd", nan_loss, metrics=["accuracy"], run_eagerly=True)
        return model

    builds = []
    again = study(hypermodel=nan_at_first, trials=1, retries={"nan": 1}, epochs=2)
    (trial,) = search(again).trials
    assert trial.status == "COMPLETED"
    assert [attempt.cause for attempt in trial.attempts] == ["nan", None]
    scores = [epoch["val_accuracy"] for epoch in trial.epochs]
    assert len(scores) == 2
    assert trial.score == max(scores)
    assert "loss became nan in epoch 1" in search.said


# What a trial failed of is hidden until three in a row have.


def test_error_is_said_at_once_with_its_hyperparameters(search):
    def fails(hp):
        units = hp.Int("units", 1, 64)
        builds.append(units)
        if len(builds) > 1:
            raise ValueError(f"no network of {units}")
        return dense(units)

    builds = []
    with pytest.raises(SearchFailed, match=r"^ValueError: no network of"):
        search(study(hypermodel=fails, trials=9, max_failures=2))
    _, first, second = search.said.split("\ntrial ")
    for units, text in zip(builds[1:], (first, second), strict=True):
        assert f" s: ValueError: no network of {units}" in text
        assert f"units={units}" in text
        assert "in fails" in text


# Each trial leaves its model, and the graphs under it, for the next to carry.


def test_no_model_outlives_its_trial(search):
    def watched(hp):
        model = build(hp)
        alive.append(weakref.ref(model))
        return model

    alive = []
    search(study(hypermodel=watched, trials=3))
    gc.collect()
    assert len(alive) == 4
    assert [model() for model in alive] == [None] * 4


# Opened by a process that does not search, a finished project shows 0 trials.
# tensorboard is imported where TensorFlow is the backend, and no dependency.

PLAIN = """
import sys

sys.modules["tensorboard"] = None
from kerasblocks.search import load_study, read, run

result = read(sys.argv[1])
print([trial.score for trial in result.trials])
print(run(load_study(sys.argv[2]), out=sys.argv[1], trials=3).new)
"""


@pytest.mark.slow
def test_plain_process_elsewhere_sees_all_trials_without_tensorboard(search, tmp_path):
    first = search(study(trials=2))
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            PLAIN,
            search.folder,
            ROOT / "tests/search/quick_study.py",
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout.splitlines()
    assert json.loads(said[0]) == [trial.score for trial in first.trials]
    assert said[-1] == "1"
    assert "2 of 3 trials are done, 1 to go" in done.stdout
    check_whole(search.folder, 3)


# Weights are never seeded, so that no search can be had again.


@pytest.mark.slow
def test_one_worker_gives_the_scores_that_this_process_gives(search, tmp_path):
    here = search(study(trials=2))
    there = search(study(trials=2), workers=1, out=tmp_path / "worker")
    assert [trial.values for trial in here.trials] == [t.values for t in there.trials]
    assert [t.epochs for t in here.trials] == [t.epochs for t in there.trials]
