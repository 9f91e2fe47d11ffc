import math
import threading

import keras_tuner as kt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasblocks.search.oracles import Oracle
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED
from tests.search.oracles.searches import (
    ENDS,
    GOAL,
    Search,
    by_number,
    few,
    kerastuner,
    space,
    spaces,
)

# One bracket of 9 epochs: 9 trials of 1, the best 3 to 3, the best to 9.
BRACKET = 9 + 3 + 1


def promoted(search):
    return [trial for trial in search.trials.values() if trial.parent]


def test_bracket_promotes_the_best_from_their_checkpoints():
    search = Search("hyperband")
    search.run(BRACKET)
    trials = list(search.trials.values())
    assert [trial.until for trial in trials] == [1] * 9 + [3] * 3 + [9]
    assert [trial.first_epoch for trial in trials] == [0] * 9 + [1] * 3 + [3]
    first = sorted(trials[:9], key=lambda trial: trial.score)
    assert [t.parent for t in trials[9:12]] == [t.number for t in first[:3]]
    assert search.trials[trials[12].parent].until == 3
    # The model is built from the parent's values and nothing else.
    for trial in promoted(search):
        assert trial.values == search.trials[trial.parent].values
    assert search.oracle.warm_starts


def test_direction_of_the_objective_is_heeded():
    goal = kt.Objective("val_accuracy", "max")
    search = Search("hyperband", goals=[goal])
    search.run(10)
    best = max(list(search.trials.values())[:9], key=lambda trial: trial.score)
    assert search.trials[10].parent == best.number


def test_one_epoch_is_a_random_search():
    search = Search("hyperband", epochs=1)
    search.run(8)
    assert not promoted(search)


@pytest.mark.parametrize("status", [FAILED, PRUNED])
def test_bracket_with_lost_trials_promotes_others(status):
    # KerasTuner's counts completed trials only: with one lost it promotes 2 of 3, and
    # none of these any further.
    search = Search("hyperband", ends=lambda n: status if n in (2, 5, 8) else COMPLETED)
    search.run(BRACKET)
    assert [trial.until for trial in search.trials.values()].count(9) == 1
    assert not {trial.parent for trial in search.trials.values()} & {2, 5, 8}


def test_bracket_that_lost_nearly_all_still_ends():
    search = Search("hyperband", ends=lambda n: COMPLETED if n in (4, 10) else FAILED)
    search.run(12)
    assert [t.parent for t in promoted(search)][:2] == [4, 10]


def test_search_where_every_trial_fails_goes_on_and_ends():
    search = Search("hyperband", ends=lambda n: FAILED, workers=2)
    assert len(search.run(25)) == 25
    assert not promoted(search)


def test_small_space_is_trained_to_the_last_epoch():
    # KerasTuner's stops when its random points repeat: here after 5 trials of 1 epoch.
    search = Search("hyperband", hp=few(1, 2, 3, 4, 5))
    points = search.run(40)
    fresh = [s.point["values"]["units"] for s in search.suggestions if not s.parent]
    assert sorted(fresh) == [1, 2, 3, 4, 5]
    assert max(trial.until for trial in search.trials.values()) == 9
    assert len(points) < 40
    assert not search.oracle._oracle.ongoing_trials


def test_trials_go_on_beyond_one_round_of_brackets():
    # KerasTuner's ends after its 22 trials.
    assert len(Search("hyperband").run(30)) == 30


def test_longer_trials_begin_new_brackets():
    search = Search("hyperband")
    search.run(4)
    oracle = Oracle("hyperband", [GOAL], 0, space(), 27)
    oracle.restore(search.oracle.state(), search.trials.values())
    found = oracle.ask(5, [trial.values for trial in search.trials.values()])
    oracle.close()
    assert oracle._oracle.max_epochs == 27
    assert found.epochs == 1
    assert len(oracle._oracle._brackets[0]["rounds"][0]) == 1


def test_kerastuner_waits_for_ever_for_a_worker_that_died(tmp_path):
    # One bracket of one trial each: 3 trials, of which the first is never ended.
    oracle = kt.oracles.HyperbandOracle(GOAL, max_epochs=1, seed=1)
    create = kerastuner(oracle, space())
    first = create("worker 1", str(tmp_path))
    assert first.status == "RUNNING"
    # ... and every other worker is told to ask again, as often as it asks.
    assert {create("worker 2", str(tmp_path)).status for _ in range(3)} == {"IDLE"}
    # Ours is told that the trial failed, and goes on.
    search = Search("hyperband", epochs=1, ends=lambda n: FAILED, workers=2)
    assert len(search.run(4)) == 4
    assert search.waits == 0


def test_users_own_hyperband_waits_only_while_something_runs():
    def once(objective, seed):
        return kt.oracles.HyperbandOracle(objective, max_epochs=3, seed=seed)

    search = Search(once, workers=4, ends=lambda n: FAILED if n % 3 == 0 else COMPLETED)
    search.run(50)
    assert search.waits
    assert len(search.trials) < 50


@given(
    hp=spaces(),
    workers=st.integers(1, 3),
    stops=st.sets(st.integers(1, 40)),
    ends=ENDS,
    epochs=st.sampled_from([1, 3, 4, 9]),
)
def test_it_always_ends(hp, workers, stops, ends, epochs):
    common = {
        "hp": hp,
        "workers": workers,
        "epochs": epochs,
        "ends": by_number(ends),
    }
    whole = Search("hyperband", **common)
    thread = threading.Thread(target=whole.run, args=(24,), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    cut = Search("hyperband", stops=stops, **common)
    cut.run(24)
    assert cut.suggestions == whole.suggestions
    for trial in promoted(whole):
        parent = whole.trials[trial.parent]
        assert parent.status == COMPLETED
        assert parent.until == trial.first_epoch < trial.until <= epochs
        assert math.isfinite(parent.score)
