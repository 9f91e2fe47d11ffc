import importlib.util
import json
import logging
from dataclasses import replace

import keras_tuner as kt
import pytest

from kerasblocks.search.errors import StudyError
from kerasblocks.search.oracles import Oracle, Sampled
from kerasblocks.search.oracles.axes import axes, params
from kerasblocks.search.oracles.points import is_active
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED, dumps
from tests.search.oracles.searches import (
    GOAL,
    SECOND,
    Search,
    active,
    by_number,
    few,
    kerastuner,
    space,
)

optuna = pytest.importorskip("optuna")


def nested():
    hp = kt.HyperParameters()
    hp.Choice("kind", ["plain", "deep"])
    hp.Float("rate", 1e-4, 1e-1, sampling="log")
    with hp.conditional_scope("kind", ["deep"]):
        hp.Int("depth", 1, 4)
        hp.Boolean("skip")
    with hp.conditional_scope("kind", ["plain"]):
        hp.Choice("units", [8, 2, 32])
    hp.Fixed("name", "x")
    return hp


def bowl(values):
    return sum((value - 0.3) ** 2 for value in values.values())


def floats(count):
    hp = kt.HyperParameters()
    for number in range(count):
        hp.Float(f"p{number}", 0.0, 1.0)
    return hp


def test_tpe_learns():
    # The mean of the best of 40 trials, over 2 seeds.
    means = {}
    for kind in ("tpe", "random"):
        searches = [
            Search(kind, hp=floats(5), seed=seed, score=bowl) for seed in range(2)
        ]
        means[kind] = sum(min(map(bowl, each.run(40))) for each in searches) / 2
    assert means["tpe"] < means["random"] / 1.5


@pytest.mark.skipif(importlib.util.find_spec("torch") is None, reason="needs PyTorch")
def test_gaussian_process_learns_and_is_taken_up_where_it_was():
    common = {"hp": floats(2), "score": bowl, "workers": 2}
    points = Search("gp", **common).run(12)
    assert min(map(bowl, points)) < 0.02
    assert Search("gp", stops=(5, 21, 24), **common).run(12) == points


def test_generations_of_nsga2_outlive_an_interruption():
    both = {"hp": space(), "goals": [GOAL, SECOND], "workers": 2}
    whole = Search("nsga2", **both)
    points = whole.run(45)
    notes = whole.oracle.state()["state"]["notes"]["trials"]
    generations = {note for each in notes.values() for note in each.values()}
    assert generations == {0, 1, 2}
    assert Search("nsga2", stops=range(30, 90, 9), **both).run(45) == points


@pytest.mark.parametrize("kind", ["tpe", "nsga2"])
def test_only_active_hyperparameters_are_suggested(kind):
    hp = nested()
    points = Search(kind, hp=hp).run(25)
    assert all(active(hp, point) for point in points)
    assert {point["kind"] for point in points} == {"plain", "deep"}
    assert {point["name"] for point in points} == {"x"}


def test_one_name_under_two_conditions():
    hp = kt.HyperParameters()
    hp.Boolean("wide")
    with hp.conditional_scope("wide", [True]):
        hp.Int("units", 64, 128)
    with hp.conditional_scope("wide", [False]):
        hp.Int("units", 1, 4)
    wide, first, second = axes(hp)
    assert (wide.name, first.entry.name, second.entry.name) == (
        "wide",
        "units",
        "units",
    )
    assert first.name != second.name
    assert first.distribution != second.distribution


def told(goals=(GOAL,), **facts):
    """Optuna's trial for one of ours that ended so."""
    search = Search("tpe", goals=goals)
    search.run(1)
    oracle = Oracle("tpe", goals, 0, space(), 9)
    ended = replace(search.trials[1], **facts)
    oracle.restore(json.loads(search.state), [ended])
    study, _, _ = oracle._oracle._study()
    oracle.close()
    return study.trials[0], ended


def test_how_trials_are_told():
    complete, ours = told()
    assert complete.state.name == "COMPLETE"
    assert complete.values == [ours.score]
    pruned, ours = told(status=PRUNED, epochs=[{}] * 4)
    assert pruned.state.name == "PRUNED"
    assert pruned.intermediate_values == {4: ours.score}
    assert told(status=FAILED, score=None)[0].state.name == "FAIL"
    assert told(status="INTERRUPTED", score=None)[0].state.name == "RUNNING"


def test_how_trials_are_told_with_several_objectives():
    goals = (GOAL, SECOND)
    complete, ours = told(goals)
    assert complete.values == [ours.score, ours.costs["parameters"]]
    assert told(goals, status=PRUNED)[0].state.name == "PRUNED"
    assert told(goals, costs={})[0].state.name == "FAIL"


def test_search_with_failures_and_pruned_trials_goes_on():
    ends = by_number([COMPLETED, PRUNED, FAILED])
    for goals in ([GOAL], [GOAL, SECOND]):
        search = Search("tpe", hp=nested(), goals=goals, ends=ends, workers=3)
        assert len(search.run(25)) == 25


def test_repeats_are_asked_about_again():
    points = Search("tpe", hp=few(*range(12)), score=lambda v: v["units"]).run(30)
    assert len({dumps(point) for point in points}) == len(points) == 12


def test_there_and_back():
    hp = nested()
    hp.Float("dropout", 0.0, 0.5, step=0.1)
    hp.Int("batch", 2, 32, step=2, sampling="log")
    hp.Int("wide", 1, 1000, sampling="log")
    hp.Float("back", 0.1, 0.9, sampling="reverse_log")
    for axis in axes(hp):
        if axis.single or axis.ordered or not hasattr(axis.entry, "step"):
            continue
        for value in axis.entry.values:
            back = axis.value(axis.param(value))
            assert back == pytest.approx(value, rel=1e-6), axis.name


def test_ends_of_a_range_stay_within():
    hp = kt.HyperParameters()
    hp.Int("wide", 1, 64, sampling="log")
    axis = axes(hp)[0]
    assert (axis.value(0.0), axis.value(1.0)) == (1, 64)


def test_names_without_order_are_categories_and_numbers_are_not():
    kinds = {a.entry.name: type(a.distribution).__name__ for a in axes(nested())}
    assert kinds == {
        "kind": "CategoricalDistribution",
        "rate": "FloatDistribution",
        "depth": "IntDistribution",
        "skip": "CategoricalDistribution",
        "units": "IntDistribution",
        "name": "CategoricalDistribution",
    }


def test_value_that_the_space_has_not():
    hp = few(4, 8)
    with pytest.raises(ValueError, match="not in tuple"):
        params(axes(hp), {"units": 5})
    assert is_active(hp.space[0], {})


def test_optuna_says_nothing(caplog, capfd):
    before = optuna.logging.get_verbosity()
    with caplog.at_level(logging.DEBUG):
        Search("tpe", hp=nested()).run(14)
    assert "optuna" not in caplog.text
    assert capfd.readouterr().err == ""
    assert optuna.logging.get_verbosity() == before


@pytest.mark.parametrize(
    ("sampler", "lacks", "extra"),
    [("tpe", "optuna", "optuna"), ("gp", "torch", "optuna,torch")],
)
def test_what_is_not_installed_is_named(monkeypatch, sampler, lacks, extra):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name: None if name == lacks else find(name)
    )
    message = (
        rf"oracle '{sampler}' needs {lacks}, which is not installed: "
        rf'pip install "kerasblocks\[{extra}\]"'
    )
    with pytest.raises(StudyError, match=message):
        Oracle(sampler, [GOAL], 0, space(), 1)


def test_sampler_that_there_is_not():
    with pytest.raises(ValueError, match=r"'sampler' must be .* did you mean 'nsga2'"):
        Sampled("nsga", GOAL)


def test_it_is_an_oracle_of_kerastuner(tmp_path):
    create = kerastuner(Sampled("tpe", GOAL, seed=1), nested())
    points = [create(f"w{n}", str(tmp_path)).hyperparameters.values for n in range(3)]
    assert len({dumps(point) for point in points}) == 3
