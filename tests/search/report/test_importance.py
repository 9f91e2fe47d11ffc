import numpy as np
import pytest

from kerasblocks.search import Trial
from kerasblocks.search.report.importance import importance
from tests.search.report.made import point


def trials(many, score, draw, seed=0):
    """Trials at drawn points, scored by a function whose truth is known."""
    chance = np.random.default_rng(seed)
    points = [draw(chance) for _ in range(many)]
    return [
        Trial(number, "COMPLETED", point(values), 0, score=float(score(values, chance)))
        for number, values in enumerate(points, 1)
    ]


def numbers(many):
    return lambda chance: {f"x{n}": float(chance.random()) for n in range(many)}


def shares(score, draw=None, many=120, seed=0):
    draw = draw or numbers(4)
    return importance(trials(many, score, draw, seed), higher_is_better=True)


def test_one_matters():
    found = shares(lambda x, _: 3 * x["x1"], many=60)
    assert found.shares["x1"] > 0.95
    assert sum(found.shares.values()) < 1.0 + 1e-9
    assert next(iter(found.shares)) == "x1"
    assert found.r2 > 0.9
    assert found.doubt is None


def test_shares_are_those_of_the_variance():
    # The variance of 2a + b is 4/12 + 1/12.
    found = shares(lambda x, _: 2 * x["x0"] + x["x3"], many=250)
    assert found.shares["x0"] == pytest.approx(0.8, abs=0.06)
    assert found.shares["x3"] == pytest.approx(0.2, abs=0.06)
    assert max(found.pairs.values()) < 0.05


def test_two_act_only_together():
    def score(x, _):
        return (x["x0"] > 0.5) == (x["x1"] > 0.5)

    found = shares(score, many=250)
    assert found.pairs["x0", "x1"] > 0.6
    assert found.pairs["x0", "x1"] > 3 * max(found.shares.values())
    assert next(iter(found.pairs)) == ("x0", "x1")


def test_shares_of_one_tree_are_whole():
    # Two factors of two values each: main effects and interaction are all there is.
    def score(x, _):
        return (x["a"] == "a") + 2 * x["b"] + 3 * ((x["a"] == "a") and x["b"])

    def draw(chance):
        kinds = "abc"[int(chance.integers(3))]
        return {"a": kinds, "b": bool(chance.integers(2))}

    found = shares(score, draw, many=200)
    whole = sum(found.shares.values()) + sum(found.pairs.values())
    assert whole == pytest.approx(1.0, abs=1e-6)


def conditional(chance):
    kind = "ab"[int(chance.integers(2))]
    only = {"a/only": float(chance.random())} if kind == "a" else {}
    return {"kind": kind, "other": float(chance.random())} | only


def test_a_condition_is_not_taken_for_its_parameter():
    # The parent makes all the difference; its child is active with it, and idle.
    found = shares(lambda x, _: x["kind"] == "a", conditional)
    assert found.shares["kind"] > 0.9
    assert found.shares["a/only"] < 0.05


def test_a_conditional_parameter_counts_where_it_is_active():
    found = shares(
        lambda x, _: x["a/only"] - 0.5 if "a/only" in x else 0.0, conditional, many=250
    )
    together = found.pairs["kind", "a/only"]
    assert found.shares["a/only"] + together > 0.8
    assert found.shares["other"] < 0.05


def test_one_diverged_trial_is_not_all_the_variance():
    many = trials(60, lambda x, _: x["x0"], numbers(3))
    worst = Trial(61, "COMPLETED", point({"x0": 0.5, "x1": 0.5, "x2": 1.0}), 0, 1e9)
    found = importance([*many, worst], higher_is_better=False)
    assert found.shares["x0"] > 0.8


def test_noise_is_not_told():
    found = shares(lambda _, chance: chance.normal(), many=20)
    assert found.shares == {}
    assert found.r2 <= 0
    assert "no better than their mean" in found.doubt


@pytest.mark.parametrize(
    ("many", "score", "doubt"),
    [
        (9, lambda x, _: x["x0"], "needs 10 completed trials, and there are 9"),
        (12, lambda *_: 1.0, "the scores are all the same"),
    ],
)
def test_what_cannot_be_told_is_said(many, score, doubt):
    found = shares(score, many=many)
    assert (found.shares, found.doubt) == ({}, doubt)


def test_trials_that_did_not_complete_do_not_count():
    many = trials(30, lambda x, _: x["x0"], numbers(2))
    many = [
        Trial(t.number, "PRUNED" if t.number > 9 else t.status, t.point, 0, t.score)
        for t in many
    ]
    assert importance(many, higher_is_better=True).trials == 9


def test_it_is_the_same_again():
    many = trials(30, lambda x, _: x["x0"], numbers(3))
    once, again = (importance(many, higher_is_better=True) for _ in range(2))
    assert once == again
