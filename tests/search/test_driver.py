import dataclasses
import sqlite3

import keras
import keras_tuner as kt
import numpy as np
import pytest

from kerasblocks.search import SearchFailed, StudyError, read
from tests.search.studies import build, compiled, data, dense, nan_loss, study


def rows(folder, sql):
    with sqlite3.connect(folder / "memory.sqlite") as memory:
        return memory.execute(sql).fetchall()


def facts(result):
    return [(t.number, t.status, t.values, t.score, t.seed) for t in result.trials]


def test_search_leaves_its_files_and_a_tested_best_model(search):
    result = search(study())
    assert [trial.number for trial in result.trials] == [1, 2, 3]
    assert result.best.score == max(trial.score for trial in result.trials)
    names = {path.name for path in search.folder.iterdir()}
    assert {"best.keras", "trials.csv", "trials.json", "scores.png"} <= names
    splits = data()
    again = result.best_model().evaluate(*splits.test, verbose=0, return_dict=True)
    assert result.test == pytest.approx(again)
    validation = result.best_model().evaluate(
        *splits.validation, verbose=0, return_dict=True
    )
    assert validation["accuracy"] == pytest.approx(result.best.score)
    assert search.said.count("\ntrial ") == 3
    assert "held-out test data, best model" in search.said
    assert rows(search.folder, "PRAGMA integrity_check") == [("ok",)]
    assert rows(search.folder, "SELECT count(*) FROM epochs") == [(3,)]


def test_finished_study_repeats_nothing_and_more_trials_extend_it(search):
    def broken(hp):
        hp.Choice("units", [4, 8, 16, 32])
        hp.Float("rate", 1e-3, 1e-1, sampling="log")
        if builds:
            raise AssertionError("a finished study must not be trained")
        builds.append(1)
        return dense(4)

    builds = []
    first = search(study())
    again = search(study(hypermodel=broken))
    assert facts(again) == facts(first)
    assert again.test == first.test
    assert again.new == 0
    assert "finished, 3 trials are done; nothing is run again" in search.said
    more = search(study(), trials=5)
    assert facts(more)[:3] == facts(first)
    assert [trial.number for trial in more.trials] == [1, 2, 3, 4, 5]
    assert more.new == 2
    assert facts(search(study())) == facts(more)


def test_split_search_tries_what_an_unbroken_one_tries(search, tmp_path):
    whole = search(study(trials=3), out=tmp_path / "whole")
    for trials in (1, 3):
        split = search(study(), trials=trials, out=tmp_path / "split")
    assert facts(split) == facts(whole)


def test_same_seed_same_trials_and_scores_and_0_is_a_seed(search, tmp_path):
    first, second, other = (
        search(study(seed=seed, trials=2), out=tmp_path / name)
        for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    assert facts(first) == facts(second)
    assert [t.values for t in first.trials] != [t.values for t in other.trials]


def test_failing_trial_costs_one_trial_and_is_said_at_once(search):
    def fails_once(hp):
        units = hp.Int("units", 1, 64)
        calls.append(units)
        if len(calls) == 3:
            raise ValueError("no such\n  width")
        return dense(units)

    calls = []
    result = search(study(hypermodel=fails_once, trials=4))
    assert [t.status for t in result.trials].count("FAILED") == 1
    failed = result.trials[1]
    assert failed.error.startswith("ValueError: no such width")
    (attempt,) = failed.attempts
    assert attempt.cause == "exception"
    assert "Traceback" in attempt.traceback
    assert "fails_once" in attempt.traceback
    assert "trial 2/4  FAILED after" in search.said
    assert len(calls) == 5
    assert len(result.ranked) == 3


def test_nan_fails_the_trial(search):
    def sometimes_nan(hp):
        model = dense(hp.Int("units", 1, 64))
        builds.append(1)
        if len(builds) == 2:
            model.compile("sgd", nan_loss, metrics=["accuracy"], run_eagerly=True)
        return model

    builds = []
    result = search(study(hypermodel=sometimes_nan, trials=2))
    assert result.trials[0].status == "FAILED"
    assert result.trials[0].error == "loss became nan in epoch 1"
    assert result.trials[0].epochs[0]["loss"] is None
    assert result.best.number == 2


def test_failures_in_a_row_end_the_search_with_the_cause_first(search):
    def always(hp):
        hp.Float("rate", 0.0, 1.0)
        builds.append(1)
        if len(builds) > 1:
            raise RuntimeError("the disk is full")
        return dense(4)

    builds = []
    with pytest.raises(SearchFailed, match=r"^RuntimeError: the disk is full") as info:
        search(study(hypermodel=always, trials=9))
    assert "trial 3 was the last of 3 in a row that failed" in str(info.value)
    assert len(read(search.folder).trials) == 3
    mended = search(
        study(hypermodel=lambda hp: dense(4 + int(hp.Float("rate", 0.0, 1.0) > 1))),
        trials=4,
    )
    assert [t.status for t in mended.trials] == ["FAILED"] * 3 + ["COMPLETED"]


def test_model_that_cannot_be_built_costs_no_trial(search):
    def typo(hp):
        return keras.layers.Dens(hp.Int("units", 1, 9))

    with pytest.raises(StudyError, match=r"cannot be built at .*has no attribute"):
        search(study(hypermodel=typo))
    assert not (read_trials(search.folder))


def read_trials(folder):
    return rows(folder, "SELECT * FROM trials")


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (lambda hp: None, "must return a keras.Model, got NoneType"),
        (lambda hp: keras.Sequential([keras.layers.Dense(1)]), "a compiled model"),
    ],
)
def test_hypermodel_must_return_a_compiled_model(search, model, words):
    with pytest.raises(StudyError, match=words):
        search(study(hypermodel=model))


def test_unknown_objective_ends_the_search_in_its_first_epoch(search):
    with pytest.raises(StudyError, match="did you mean 'val_accuracy'") as info:
        search(study(objective=kt.Objective("val_acuracy", "max")))
    assert "loss, val_accuracy, val_loss" in str(info.value)
    assert read(search.folder).trials[0].status == "INTERRUPTED"


def test_no_point_is_trained_twice_and_a_small_space_is_run_dry(search):
    def three(hp):
        return dense(hp.Choice("units", [2, 3, 4]))

    for oracle in ("random", "bayesian", "grid"):
        out = search.folder / oracle
        out.mkdir(parents=True)
        result = search(study(hypermodel=three, oracle=oracle, trials=6), out=out)
        assert sorted(t.values["units"] for t in result.trials) == [2, 3, 4]
        assert "found no point that was not tried" in search.said


def test_another_name_seed_or_objective_is_refused_and_nothing_is_lost(search):
    first = search(study(trials=1))
    for change, words in (
        ({"name": "other"}, "name 'tiny', and the study has name 'other'"),
        ({"seed": 7}, "seed 0, and the study has seed 7"),
        ({"objective": "val_loss"}, "objective 'val_accuracy'"),
    ):
        with pytest.raises(StudyError, match=words):
            search(study(trials=1, **change))
    assert facts(read(search.folder)) == facts(first)


def test_changed_space_is_said_and_gone_on_with(search):
    def wider(hp):
        return dense(hp.Choice("units", [16, 64]), hp.Float("speed", 0.01, 0.1))

    first = search(study(trials=2, oracle="bayesian"))
    result = search(study(hypermodel=wider, trials=4, oracle="bayesian"))
    assert (
        "the search space changed: 'speed' is new; 'rate' is gone; 'units' changed"
    ) in search.said
    assert facts(result)[:2] == facts(first)
    assert all(set(t.values) == {"units", "speed"} for t in result.trials[2:])
    with pytest.raises(StudyError, match="a grid cannot go on"):
        search(study(trials=5, oracle="grid"))


def test_changed_epochs_are_said(search):
    search(study(trials=1))
    search(study(trials=2, epochs=2))
    assert "epochs was 1 and is 2 for new trials" in search.said


def test_fresh_moves_the_old_search_aside(search):
    first = search(study(trials=1))
    search(study(trials=1, seed=5), fresh=True)
    aside = next(search.folder.parent.glob("out.old-*"))
    assert f"moved to {aside}" in search.said
    assert facts(read(aside)) == facts(first)
    assert read(search.folder).seed == 5


def test_only_the_best_models_stay_on_disk(search):
    result = search(study(trials=4, keep=2))
    kept = {path.name for path in (search.folder / "models").iterdir()}
    assert kept == {f"trial-{trial.number:04d}.keras" for trial in result.ranked[:2]}


def test_hypermodel_may_bring_its_own_fit_and_tune_it(search):
    class Mine(kt.HyperModel):
        def build(self, hp):
            return build(hp)

        def fit(self, hp, model, *args, **options):
            options["batch_size"] = hp.Choice("batch", [16, 64])
            return model.fit(*args, **options)

    result = search(study(hypermodel=Mine(), batch_size=None, oracle="bayesian"))
    assert all(t.values["batch"] in (16, 64) for t in result.trials)
    assert all(len(t.epochs) == 1 for t in result.trials)


def test_hypermodel_may_train_without_keras_fit(search):
    class Mine(kt.HyperModel):
        def build(self, hp):
            return dense(hp.Choice("units", [2, 4]))

        def fit(self, hp, model, x, y, **options):
            return {"val_accuracy": 0.5, "loss": model.train_on_batch(x, y)[0]}

    result = search(study(hypermodel=Mine(), trials=1))
    assert result.best.score == 0.5


def test_conditional_parts_are_all_searched(search):
    def either(hp):
        kind = hp.Choice("kind", ["shallow", "deep"])
        layers = [keras.Input((64,))]
        with hp.conditional_scope("kind", ["deep"]):
            if kind == "deep":
                layers += [keras.layers.Dense(hp.Int("width", 2, 20))]
        return compiled(
            keras.Sequential([*layers, keras.layers.Dense(10, activation="softmax")])
        )

    result = search(study(hypermodel=either, trials=6, epochs=1))
    assert {t.values["kind"] for t in result.trials} == {"shallow", "deep"}
    for trial in result.trials:
        assert ("width" in trial.values) == (trial.values["kind"] == "deep")


def test_test_data_take_no_part_in_the_search(search):
    def spoilt():
        splits = data()
        x, y = splits.test
        return splits._replace(test=(np.zeros_like(x), y))

    clean = search(study(trials=2))
    assert facts(search(study(data=spoilt, trials=2), fresh=True)) == facts(clean)


def test_study_without_test_data_says_so(search):
    result = search(study(data=lambda: data()._replace(test=None), trials=1))
    assert result.test is None
    assert "the study has no test data" in search.said


def test_bad_data_is_said_before_training(search):
    for broken, words in (
        (lambda: (1,), "must be a function that returns Splits.*got 'tuple of 1'"),
        (lambda: 1 / 0, r"data\(\) failed: ZeroDivisionError"),
    ):
        with pytest.raises(StudyError, match=words):
            search(study(data=broken))


def test_run_refuses_what_is_no_study(search):
    with pytest.raises(StudyError, match="expected a Study, got function"):
        search(build, trials=2)


def test_two_searches_cannot_share_a_folder(search):
    with pytest.raises(StudyError, match="in use by another search"):
        search(
            study(
                data=lambda: search(
                    dataclasses.replace(study(), name="tiny"), out=search.folder
                )
            )
        )
