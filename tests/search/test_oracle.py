import contextlib
import json

import keras_tuner as kt
import pytest

from kerasblocks.search.oracle import Oracle
from kerasblocks.search.trial import Trial, dumps

GOAL = kt.Objective("val_loss", "min")


def space():
    hp = kt.HyperParameters()
    hp.Choice("units", [4, 8, 16, 32])
    hp.Float("rate", 1e-3, 1e-1, sampling="log")
    return hp


def few(objective, seed):
    return kt.oracles.BayesianOptimizationOracle(
        objective=objective, seed=seed, num_initial_points=2
    )


def go(kind, count, seed=0, stops=(), hp=None):
    """The points of a search that is taken up anew after each number in `stops`."""
    trials, state = [], None
    with contextlib.ExitStack() as stack:
        for number in range(1, count + 1):
            if number == 1 or number - 1 in stops:
                oracle = Oracle(kind, GOAL, seed, hp or space())
                stack.callback(oracle.close)
                oracle.restore(json.loads(dumps(state)), trials)
            found = oracle.ask(number, [trial.values for trial in trials])
            if found is None:
                break
            score = len(dumps(found.point["values"])) + number % 3
            trial = Trial(number, "COMPLETED", found.point, 0, score, 1)
            trial = Trial(**{**vars(trial), "oracle_id": found.oracle_id})
            oracle.tell(trial)
            state = oracle.state()
            trials.append(trial)
    return [trial.values for trial in trials]


@pytest.mark.parametrize("kind", ["random", few, "grid"])
def test_what_is_suggested_does_not_depend_on_interruptions(kind):
    assert go(kind, 5, stops=(1, 3)) == go(kind, 5)


def test_each_seed_has_its_own_points():
    zero, again, one = (go("random", 4, seed) for seed in (0, 0, 1))
    assert zero == again
    # Neighbouring seeds would share numbers, shifted by one.
    rates = [{round(values["rate"], 9) for values in run} for run in (zero, one)]
    assert not rates[0] & rates[1]


@pytest.mark.parametrize("kind", ["random", few, "grid"])
def test_small_space_gives_each_point_once_and_then_none(kind):
    hp = kt.HyperParameters()
    hp.Choice("units", [4, 8, 16])
    points = [dumps(values) for values in go(kind, 20, hp=hp)]
    assert len(points) == len(set(points)) == 3


def test_trial_that_was_cut_off_is_still_the_oracles():
    first = Oracle("random", GOAL, 0, space())
    found = first.ask(1, [])
    state = json.loads(dumps(first.state()))
    first.close()
    cut = Trial(1, "RUNNING", found.point, 0, oracle_id=found.oracle_id)
    second = Oracle("random", GOAL, 0, space())
    second.restore(state, [cut])
    second.tell(
        Trial(**{**vars(cut), "status": "COMPLETED", "score": 1.0, "best_epoch": 1})
    )
    assert second.ask(2, [cut.values]).oracle_id != found.oracle_id
    second.close()
