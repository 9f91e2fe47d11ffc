"""A whole space is found at the cost of few models, or of one."""

import keras
import keras_tuner as kt
import pytest

from kerasblocks.search import StudyError
from kerasblocks.search.explore import explore
from tests.search.studies import study


class Counting(kt.HyperModel):
    """Counts how often it is built."""

    def __init__(self, space):
        super().__init__()
        self.read, self.built = space, 0

    def build(self, hp):
        self.built += 1
        self.read(hp)
        model = keras.Sequential([keras.Input((64,)), keras.layers.Dense(10)])
        model.compile(loss="mse")
        return model


class Declared(Counting):
    """The same, with its space to be read without building."""

    def space(self, hp):
        return self.read(hp)


def ten_conditions(hp):
    for i in range(10):
        if hp.Boolean(f"on_{i}"):
            with hp.conditional_scope(f"on_{i}", [True]):
                hp.Int(f"n_{i}", 1, 3)
        else:
            with hp.conditional_scope(f"on_{i}", [True]):
                pass


def kinds(hp):
    """Parts of which each is only there for its own kind, one inside the other."""
    hp.Choice("kind", ["a", "b", "c"])
    for kind in ("a", "b", "c"):
        with hp.conditional_scope("kind", [kind]):
            if hp.Boolean(f"more_{kind}"):
                pass
            with hp.conditional_scope(f"more_{kind}", [True]):
                hp.Int(f"n_{kind}", 1, 3)


def names(space):
    return {parameter.name for parameter in space.space}


def test_scopes_that_go_with_each_other_are_opened_at_once():
    model = Counting(ten_conditions)
    space = explore(study(hypermodel=model))
    assert names(space) == {f"{kind}_{i}" for kind in ("on", "n") for i in range(10)}
    assert model.built == 2
    assert space.values == {f"on_{i}": False for i in range(10)}


def test_scopes_that_exclude_each_other_are_opened_in_turn():
    model = Counting(kinds)
    space = explore(study(hypermodel=model))
    assert names(space) == {
        *("kind", "more_a", "more_b", "more_c", "n_a", "n_b", "n_c"),
    }
    assert model.built <= 5
    assert space.values == {"kind": "a", "more_a": False}


def test_a_declared_space_costs_one_model():
    model = Declared(kinds)
    assert names(explore(study(hypermodel=model))) == names(
        explore(study(hypermodel=Counting(kinds)))
    )
    assert model.built == 1


def test_values_that_do_not_go_with_each_other_are_no_fault():
    def space(hp):
        both = hp.Boolean("one"), hp.Boolean("other")
        for name in ("one", "other"):
            with hp.conditional_scope(name, [True]):
                hp.Int(f"n_{name}", 1, 3)
        if all(both):
            raise ValueError("not both")

    found = explore(study(hypermodel=Counting(space)))
    assert {"n_one", "n_other"} <= names(found)


@pytest.mark.parametrize("kind", [Counting, Declared])
def test_a_hypermodel_that_cannot_be_built_is_told_with_its_cause(kind):
    class Failing(kind):
        def build(self, hp):
            hp.Int("units", 1, 3)
            raise ValueError("no such thing")

    words = "cannot be built at .*ValueError: no such thing"
    with pytest.raises(StudyError, match=words):
        explore(study(hypermodel=Failing(lambda hp: hp.Int("units", 1, 3))))
