import random

import keras
import keras_tuner as kt
import numpy as np
import pytest

import kerasblocks as kb
from kerasblocks.search.budget import Budget
from kerasblocks.search.errors import StudyError
from kerasblocks.search.oracles import Oracle

GOAL = kt.Objective("val_loss", "min")


def dense(hp):
    units = hp.Choice("units", [1, 100, 10**9])
    model = keras.Sequential([keras.Input((10,)), keras.layers.Dense(units)])
    model.compile("adam", loss="mse", metrics=["mae"])
    return model


def at(units):
    hp = kt.HyperParameters()
    hp.Choice("units", [1, 100, 10**9])
    hp.values["units"] = units
    return hp


def real(build, hp):
    model = build(hp)
    sizes = [(np.prod(w.shape), np.dtype(w.dtype).itemsize) for w in model.weights]
    return model.count_params(), sum(int(size * width) for size, width in sizes)


def test_costs_of_a_compiled_model():
    hp = at(100)
    costs = Budget({}, dense).costs(hp)
    assert costs == {"parameters": 1100, "macs": 1000, "memory": 4400}
    assert (costs["parameters"], costs["memory"]) == real(dense, hp)


def test_model_that_no_machine_holds_is_refused_at_once():
    # 11e9 weights, 44 GB; with the optimizer's three times that.
    budget = Budget({"memory": 1e9, "parameters": 1e8, "macs": 1e12}, dense)
    assert not budget.allows(at(10**9))
    assert budget.smallest == (
        "the smallest had 44,000,000,000 bytes of weights (at most 1,000,000,000), "
        "11,000,000,000 parameters (at most 100,000,000)"
    )
    assert budget.allows(at(100))


@pytest.mark.parametrize(
    ("limit", "units", "fits"),
    [
        ({"parameters": 1100}, 100, True),
        ({"parameters": 1099}, 100, False),
        ({"macs": 1000}, 100, True),
        ({"macs": 999}, 100, False),
        ({"memory": 4400}, 100, True),
        ({"memory": 4399}, 100, False),
        ({}, 10**9, True),
    ],
)
def test_limits_are_the_most_that_may_be(limit, units, fits):
    assert Budget(limit, dense).allows(at(units)) is fits


def test_each_point_is_asked_about_once_and_left_as_it_was():
    calls = []

    def build(hp):
        calls.append(hp)
        hp.Boolean("more")
        return dense(hp)

    budget, hp = Budget({"parameters": 1e4}, build), at(100)
    before = hp.get_config()
    assert budget.allows(hp)
    assert budget.costs(hp)["macs"] == 1000
    assert len(calls) == 1
    assert hp.get_config() == before


def heads(hp):
    inputs = keras.Input((6,))
    x = keras.layers.Dense(hp.Choice("units", [1, 4]))(inputs)
    outputs = kb.MultiHeadOutput(
        {"age": kb.heads.Regression(), "kind": kb.heads.Multiclass(3)}
    )(x)
    model = kb.MultiHeadModel(inputs, outputs)
    model.compile("adam")
    return model


def adapted(hp):
    """Statistics that are computed where the model is made."""
    normalization = keras.layers.Normalization()
    normalization.adapt(np.arange(12.0).reshape(4, 3))
    model = keras.Sequential(
        [keras.Input((3,)), normalization, keras.layers.Dense(hp.Int("units", 1, 4))]
    )
    model.compile("sgd", loss="mse")
    return model


OUTSIDE = keras.layers.Normalization()
OUTSIDE.adapt(np.arange(12.0).reshape(4, 3))


def outside(hp):
    """The same, computed once for all trials."""
    dense = keras.layers.Dense(hp.Int("units", 1, 4))
    return keras.Sequential([keras.Input((3,)), OUTSIDE, dense])


UNBUILT = keras.layers.Dense(4)


def made_outside(hp):
    hp.Int("units", 1, 4)
    return keras.Sequential([keras.Input((3,)), UNBUILT])


@pytest.mark.parametrize("build", [heads, adapted, outside, made_outside])
def test_costs_are_those_of_the_real_model(build):
    hp = kt.HyperParameters()
    if build is not made_outside:  # Which would build its layer here.
        build(hp)
    state = random.getstate()
    costs = Budget({"parameters": 1e6}, build).costs(hp)
    assert random.getstate() == state
    assert (costs["parameters"], costs["memory"]) == real(build, hp)
    assert costs["macs"] > 0


def test_model_that_cannot_be_built_is_the_trials_business():
    def build(hp):
        raise RuntimeError("no such model")

    budget = Budget({"parameters": 1}, build)
    hp = kt.HyperParameters()
    assert budget.costs(hp) == {}
    assert budget.allows(hp)


def test_model_without_a_shape():
    def build(hp):
        return keras.Sequential([keras.layers.Dense(2)])

    with pytest.raises(
        StudyError, match=r"the size of the model at \{\} cannot be told"
    ):
        Budget({"parameters": 1}, build).allows(kt.HyperParameters())


class Own(keras.layers.Layer):
    """Counts nothing: its product is a function of NumPy's."""

    def call(self, x):
        return keras.ops.convert_to_tensor(np.asarray(x) @ np.eye(3))

    def compute_output_shape(self, shape):
        return shape


def test_cost_that_cannot_be_counted():
    def build(hp):
        return keras.Sequential([keras.Input((3,)), Own(), keras.layers.Dense(2)])

    hp = kt.HyperParameters()
    assert Budget({"parameters": 99}, build).allows(hp)
    with pytest.raises(
        StudyError, match=r"the limit on 'macs' cannot be held: .*count"
    ):
        Budget({"macs": 99}, build).allows(hp)


def test_oracle_says_what_the_smallest_had():
    budget = Budget({"parameters": 5}, dense)
    oracle = Oracle("random", [GOAL], 0, at(1), 1)
    with pytest.raises(
        StudyError, match=r"the smallest had 11 parameters \(at most 5\): allow larger"
    ):
        oracle.ask(1, [], budget.allows)
    oracle.close()


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (
            {"parameter": 5},
            "'limits' must be of .* got 'parameter'; did you mean 'para",
        ),
        ({"macs": 0}, "the limit of 'macs' must be a positive number, got 0"),
        ({"macs": True}, "the limit of 'macs' must be a positive number, got True"),
        ({"memory": float("inf")}, "must be a positive number, got inf"),
        (5, "'limits' must be a dict by 'parameters', 'macs', 'memory', got 5"),
    ],
)
def test_limits_are_checked(limits, message):
    with pytest.raises(ValueError, match=f"Budget: .*{message}"):
        Budget(limits, dense)
