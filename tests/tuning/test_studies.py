"""The studies of tuning/ run as they are, cut short."""

import dataclasses
import importlib.util
import io
from pathlib import Path

import numpy as np
import pytest

import kerasblocks as kb
from kerasblocks.search import load_study, run
from kerasblocks.search.display import Display

TUNING = Path(__file__).parents[2] / "tuning"
NEEDS = {
    "digits": [],
    "italy_power": ["aeon", "optuna"],
    "cars": ["vega_datasets"],
    "siamese_digits": ["optuna"],
}


def named(name):
    """The study, or a skip that says what it needs."""
    for package in NEEDS[name]:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{name}.py needs the package {package}")
    return load_study(TUNING / f"{name}.py")


@pytest.fixture
def short(tmp_path):
    """Runs a study for one trial of one epoch; the result, and what was said."""

    def go(name, **changes):
        stream = io.StringIO()
        study = dataclasses.replace(named(name), **{"epochs": 1, "trials": 1} | changes)
        result = run(study, out=tmp_path / "out", display=Display(stream))
        return result, stream.getvalue()

    return go


def check(result, said):
    assert [trial.status for trial in result.trials] == ["COMPLETED"]
    assert f"study '{result.name}': 1 trial to run" in said
    assert "trial 1/1" in said
    assert "held-out test data, best model (trial 1)" in said


def test_every_study_is_tested():
    studies = {path.stem for path in TUNING.glob("*.py")} - {"series"}
    assert studies == set(NEEDS)


def test_digits_are_split_evenly():
    sizes = []
    for x, y in named("digits").splits():
        sizes.append(len(x))
        assert np.bincount(y).min() >= len(y) // 12
    assert sizes == [1077, 360, 360]


@pytest.mark.slow
def test_digits(short):
    result, said = short("digits")
    check(result, said)
    assert result.test["accuracy"] > 0.1


def test_series_are_those_of_the_archive():
    sizes = [len(x) for x, _ in named("italy_power").splits()]
    assert sizes == [44, 23, 1029]


@pytest.mark.slow
def test_series_learn(short):
    result, said = short("italy_power", epochs=3)
    check(result, said)
    assert "optimizer/schedule/kind" in result.trials[0].values
    assert result.trials[0].params <= 50_000
    losses = [epoch["loss"] for epoch in result.trials[0].epochs]
    assert losses[-1] < losses[0]
    assert set(result.test) == {"loss", "accuracy"}


@pytest.mark.slow
def test_cars_have_two_objectives(short):
    result, said = short("cars", epochs=10)
    check(result, said)
    assert [goal.direction for goal in result.goals] == ["min", "max"]
    # That all cars do as many miles as the mean of them is off by 6.5.
    assert result.test["mpg_mean_absolute_error"] < 6.5


@pytest.mark.slow
def test_siamese_digits_are_unseen_and_told_apart(short):
    result, said = short("siamese_digits", epochs=2)
    check(result, said)
    assert result.trials[0].objectives["parameters"] <= 50_000
    assert result.best.score > 0.5
    siamese = result.best_model().get_layer("siamese")
    parts = named("siamese_digits").splits()
    assert [sorted(set(part.y)) for part in parts] == [[*range(6)], [6, 7], [8, 9]]
    encoder = siamese.encoder_model()
    vectors = encoder.predict(parts.validation.x, verbose=0)
    assert kb.metrics.one_shot_accuracy(vectors, parts.validation.y, ways=2) > 0.5
