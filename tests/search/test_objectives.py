import keras_tuner as kt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kerasblocks.search.objectives import front, objectives


def test_directions_are_known_or_given():
    mine = kt.Objective("val_score", "max")
    goals = objectives(["val_age_mae", mine, "parameters", "latency"])
    assert [goal.direction for goal in goals] == ["min", "max", "min", "min"]
    assert objectives("val_f1_score")[0].direction == "max"


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ("val_acuracy", "whose direction is known.*did you mean 'val_accuracy'"),
        (["val_loss", "parameter"], "did you mean 'parameters'"),
        ([], "at least one objective"),
        (["macs", "val_loss"], "a metric first and costs after it, got 'macs' first"),
        (["val_loss", "val_loss"], "that differ, got 'val_loss' twice"),
        (3, "a metric's name or Objective, got 3"),
    ],
)
def test_wrong_objective_is_named_with_what_was_expected(wanted, words):
    with pytest.raises(ValueError, match=words):
        objectives(wanted)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1))
def test_front_is_what_nothing_dominates(points):
    goals = objectives(["val_accuracy", "macs"])
    kept = front(points, goals)

    def beats(a, b):
        return a[0] >= b[0] and a[1] <= b[1] and a != b

    for place, point in enumerate(points):
        assert (place in kept) == (not any(beats(other, point) for other in points))
