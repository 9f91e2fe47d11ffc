import keras_tuner as kt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasblocks.search.pruners import PRUNERS, Median, SuccessiveHalving, pruner

MIN = kt.Objective("val_loss", "min")
MAX = kt.Objective("val_accuracy", "max")
CURVE = st.lists(st.none() | st.floats(-10, 10), max_size=10)
ANY = st.sampled_from([*PRUNERS.values(), Median(0, 1), SuccessiveHalving(2, 2)])


def test_median_compares_the_best_with_averages():
    others = [[0.4, 0.2], [0.6, 0.4], [0.8, 0.6]]  # Averages 0.3, 0.5, 0.7.
    prunes = Median(warmup=1, least=3)
    assert prunes(MIN, [0.9, 0.51], others)
    assert not prunes(MIN, [0.49, 0.9], others)
    assert not prunes(MIN, [0.9, 0.5], others)


def test_median_waits_for_the_warmup_and_for_others():
    others = [[0.1] * 4] * 5
    assert [Median(warmup=2)(MIN, [9.0] * n, others) for n in (1, 2, 3)] == [
        False,
        False,
        True,
    ]
    assert not Median()(MIN, [9.0, 9.0], others[:4])
    # Those that did not come so far do not count.
    assert not Median()(MIN, [9.0] * 5, others)


def test_halving_keeps_the_best_of_those_at_a_rung():
    prunes = SuccessiveHalving(factor=2, first=1)
    others = [[0.1], [0.2], [0.3]]
    assert [prunes(MIN, [value], others) for value in (0.15, 0.25)] == [False, True]
    # Between the rungs after 1, 2, 4... epochs nothing ends.
    assert not prunes(MIN, [9.0] * 3, [[0.1] * 3] * 9)
    assert prunes(MIN, [9.0] * 4, [[0.1] * 4] * 9)


def test_halving_of_equals_goes_on():
    assert not SuccessiveHalving()(MIN, [0.5], [[0.5]] * 9)


@pytest.mark.parametrize("name", PRUNERS)
def test_first_trials_are_never_pruned(name):
    assert not PRUNERS[name](MIN, [9.0] * 9, [])
    assert not PRUNERS[name](MIN, [9.0] * 9, [[0.1] * 9])


@given(prunes=ANY, values=CURVE, others=st.lists(CURVE, max_size=8))
def test_directions_mirror_each_other(prunes, values, others):
    def mirror(curve):
        return [None if value is None else -value for value in curve]

    there = prunes(MIN, values, others)
    assert prunes(MAX, mirror(values), [mirror(other) for other in others]) == there


@given(prunes=ANY, values=CURVE, others=st.lists(CURVE, max_size=8))
def test_nan_is_no_value(prunes, values, others):
    def nan(curve):
        return [float("nan") if value is None else value for value in curve]

    there = prunes(MIN, values, others)
    assert prunes(MIN, nan(values), [nan(other) for other in others]) == there


@given(prunes=ANY, values=CURVE, others=st.lists(CURVE, max_size=8), data=st.data())
def test_order_of_the_others_does_not_matter_nor_what_comes_later(
    prunes, values, others, data
):
    there = prunes(MIN, values, others)
    later = [
        other + [0.0] * 3 if len(other) >= len(values) else other for other in others
    ]
    assert prunes(MIN, values, data.draw(st.permutations(later))) == there


@given(prunes=ANY, curves=st.lists(CURVE, min_size=1, max_size=8))
def test_the_best_is_never_pruned(prunes, curves):
    def best(curve):
        return min([v for v in curve if v is not None], default=float("inf"))

    curves = sorted(curves, key=best)
    assert not prunes(MIN, curves[0], [c[: len(curves[0])] for c in curves[1:]])


def test_trial_without_a_value_goes_on():
    for prunes in PRUNERS.values():
        assert not prunes(MIN, [None] * 3, [[0.1] * 3] * 9)


def test_pruner_by_name():
    def own(goal, values, others):
        return False

    assert pruner("median") == Median()
    assert pruner(None) is None
    assert pruner(own) is own
    with pytest.raises(
        ValueError,
        match=r"one of 'median', 'asha', a function or None, got 'meadian'; did you "
        "mean 'median'",
    ):
        pruner("meadian")
    with pytest.raises(ValueError, match="a function or None, got <class"):
        pruner(Median)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Median(warmup=-1), "Median: 'warmup' must be an int of 0 or more"),
        (lambda: Median(least=0), "Median: 'least' must be an int of 1 or more, got 0"),
        (lambda: Median(least=1.5), "Median: 'least' must be .* got 1.5"),
        (lambda: SuccessiveHalving(1), "'factor' must be an int of 2 or more, got 1"),
        (lambda: SuccessiveHalving(first=True), "'first' must be .* got True"),
    ],
)
def test_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
