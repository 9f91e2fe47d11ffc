import json
import os
from dataclasses import replace

import keras_tuner as kt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasblocks.search.errors import StudyError
from kerasblocks.search.oracles import ORACLES, Oracle
from kerasblocks.search.trial import COMPLETED, PRUNED, Trial, dumps
from tests.search.oracles.searches import (
    ENDS,
    GOAL,
    SAMPLED,
    SECOND,
    Search,
    active,
    by_number,
    early,
    few,
    space,
    spaces,
    theirs,
)

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
KINDS = ["random", early, "grid", "hyperband", *SAMPLED]


@pytest.mark.parametrize("kind", [*KINDS, theirs])
def test_what_is_suggested_does_not_depend_on_interruptions(kind):
    # KerasTuner's Bayesian oracle takes half a second a point.
    count = 4 if kind is theirs else 6
    assert Search(kind, stops=(1, 2, 5)).run(count) == Search(kind).run(count)


@settings(max_examples=100 if THOROUGH else 6)
@given(
    hp=spaces(),
    seed=st.integers(0, 3),
    workers=st.integers(1, 3),
    stops=st.sets(st.integers(1, 30)),
    ends=ENDS,
)
@pytest.mark.parametrize("kind", KINDS)
def test_any_search_of_any_space(kind, hp, seed, workers, stops, ends):
    common = {"hp": hp, "seed": seed, "workers": workers, "ends": by_number(ends)}
    whole, cut = Search(kind, **common), Search(kind, stops=stops, **common)
    count = 6 if kind is early else 14
    points = whole.run(count)
    assert cut.run(count) == points
    assert cut.suggestions == whole.suggestions
    assert all(active(hp, point) for point in points)
    fresh = [each.point["values"] for each in whole.suggestions if not each.parent]
    assert len({dumps(point) for point in fresh}) == len(fresh)


def test_each_seed_has_its_own_points():
    zero, again, one = (Search("random", seed=seed).run(4) for seed in (0, 0, 1))
    # KerasTuner reads seed 0 as none, and draws another one each time.
    assert zero == again
    # Neighbouring seeds would share numbers, shifted by one.
    # Each begins with the defaults.
    rates = [{round(v["rate"], 9) for v in run[1:]} for run in (zero, one)]
    assert zero[0] == one[0] == {"units": 4, "rate": 0.001}
    assert not rates[0] & rates[1]


def test_kerastuner_ignores_seed_0():
    seeds = {kt.oracles.RandomSearchOracle(GOAL, seed=0).seed for _ in range(20)}
    assert len(seeds) > 1


@pytest.mark.parametrize("kind", [*KINDS, theirs])
def test_small_space_gives_each_point_once_and_then_none(kind):
    search = Search(kind, hp=few(4, 8, 16), epochs=1)
    points = [dumps(values) for values in search.run(20)]
    assert len(points) == len(set(points)) == 3


def test_trial_that_was_cut_off_is_still_the_oracles():
    arguments = ([GOAL], 0, space(), 1)
    first = Oracle("random", *arguments)
    found = first.ask(1, [])
    state = json.loads(dumps(first.state()))
    first.close()
    cut = Trial(1, "INTERRUPTED", found.point, 0, oracle_id=found.oracle_id)
    second = Oracle("random", *arguments)
    second.restore(state, [cut])
    second.tell(replace(cut, status=COMPLETED, score=1.0, best_epoch=1))
    assert second.ask(2, [cut.values]).oracle_id != found.oracle_id
    second.close()


@pytest.mark.parametrize("kind", KINDS)
def test_point_beyond_the_budget_is_not_suggested(kind):
    search = Search(kind, allowed=lambda hp: hp.get("units") < 16, workers=2)
    assert {point["units"] for point in search.run(12)} == {4, 8}
    # The oracle waits for none of those that it was refused.
    oracle = search.oracle._oracle
    assert not oracle.ongoing_trials
    assert {trial.status for trial in oracle.trials.values()} <= {COMPLETED, "FAILED"}


@pytest.mark.parametrize("kind", ["grid", *SAMPLED[:1]])
def test_points_beyond_the_budget_are_passed_over_when_interrupted_too(kind):
    common = {"allowed": lambda hp: hp.get("rate") > 0.01, "workers": 2}
    points = Search(kind, **common).run(14)
    assert Search(kind, stops=range(1, 30, 3), **common).run(14) == points
    assert all(point["rate"] > 0.01 for point in points)


class Tight:
    smallest = "the smallest had 9 parameters (at most 8)"

    def allows(self, hp):
        return False


@pytest.mark.parametrize("kind", ["random", "grid", "hyperband", *SAMPLED[:1]])
def test_budget_that_nothing_fits_is_said(kind):
    message = (
        r"no point within the budget was found in 1,000 tries; the smallest had 9 "
        r"parameters \(at most 8\): allow larger models, or let the search space hold "
        "smaller ones"
    )
    oracle = Oracle(kind, [GOAL], 0, space(), 1)
    with pytest.raises(StudyError, match=message):
        oracle.ask(1, [], Tight().allows)
    oracle.close()


def test_points_that_are_left_but_too_large_end_the_search():
    for kind in KINDS:
        hp = few(4, 8, 16)
        search = Search(kind, hp=hp, epochs=1, allowed=lambda hp: hp["units"] < 16)
        assert len(search.run(9)) == 2


def test_oracle_changed_in_the_middle_has_names_of_its_own():
    grid = Search("grid", allowed=lambda hp: hp.get("rate") > 0.01)
    grid.run(5)
    trials = list(grid.trials.values())
    oracle = Oracle("random", [GOAL], 0, space(), 1)
    oracle.restore(json.loads(grid.state), trials)
    names = {oracle.ask(n, [t.values for t in trials]).oracle_id for n in (6, 7)}
    oracle.close()
    assert len(names) == 2
    assert not names & {trial.oracle_id for trial in trials}


def test_trials_of_an_older_space_teach_nothing_and_stay():
    search = Search(early)
    search.run(5)
    hp = kt.HyperParameters()
    hp.Choice("units", [4, 8, 16, 64])
    hp.Float("rate", 1e-3, 1e-1, sampling="log")
    hp.Boolean("new")
    oracle = Oracle(early, [GOAL], 0, hp, 1)
    oracle.restore(None, search.trials.values())
    found = oracle.ask(6, [trial.values for trial in search.trials.values()])
    assert active(hp, found.point["values"])
    assert found.oracle_id == "0005"
    assert not any(t.status == COMPLETED for t in oracle._oracle.trials.values())
    oracle.close()


def test_what_only_the_build_revealed_is_searched_from_then_on():
    oracle = Oracle("random", [GOAL], 0, few(4, 8), 1)
    found = oracle.ask(1, [])
    hp = few(4, 8)
    hp.values = found.point["values"]
    hp.Boolean("new")
    trial = Trial(1, COMPLETED, hp.get_config(), 0, 1.0, oracle_id=found.oracle_id)
    oracle.tell(trial)
    assert "new" in oracle.ask(2, [trial.values]).point["values"]
    oracle.close()


def test_pruned_trial_counts_with_the_value_that_it_came_to():
    search = Search(early, ends=by_number([PRUNED]))
    search.run(6)
    assert all(t.score is not None for t in search.oracle._oracle.trials.values())
    # KerasTuner's own would give it the score of the trial before.
    statuses = {trial.status for trial in search.oracle._oracle.trials.values()}
    assert statuses == {COMPLETED}


@pytest.mark.parametrize("kind", ["bayesian", "hyperband"])
def test_several_objectives_for_an_oracle_that_takes_one(kind):
    # KerasTuner minimizes the unscaled sum of a list: a model with 1,000 parameters
    # less is worth any loss of accuracy.
    with pytest.raises(
        StudyError,
        match=rf"oracle '{kind}' takes one objective, got 2 \('val_loss', "
        r"'parameters'\): for several take 'tpe', 'nsga2', 'gp', or 'random' or "
        "'grid', which look at none",
    ):
        Oracle(kind, [GOAL, SECOND], 0, space(), 1)


def test_kerastuner_sums_objectives():
    both = kt.oracles.RandomSearchOracle([GOAL, SECOND]).objective
    assert both.get_value({"val_loss": 0.1, "parameters": 5000}) == 5000.1


@pytest.mark.parametrize("kind", ["random", "grid", *SAMPLED])
def test_several_objectives_for_the_others(kind):
    assert len(Search(kind, goals=[GOAL, SECOND]).run(6)) == 6


def test_table_has_every_name():
    names = ["random", "grid", "bayesian", "hyperband", "tpe", "nsga2", "gp"]
    assert list(ORACLES) == names
    for name in {*names[:4], *SAMPLED}:
        Oracle(name, [GOAL], 0, space(), 9).close()


def test_state_is_small_and_plain():
    search = Search("random")
    search.run(20)
    assert json.loads(search.state) == search.oracle.state()
    # KerasTuner's has the whole space in it, each time.
    assert "hyperparameters" not in search.oracle.state()["state"]
    assert len(search.state) < 200 * 20
