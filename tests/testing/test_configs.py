"""One space, two readers: KerasTuner and Hypothesis see the same."""

import keras
import keras_tuner as kt
import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from kerasblocks import spaces
from kerasblocks.testing import configs
from kerasblocks.testing.configs import DrawnHyperParameters


def every_kind(hp):
    """A space with each kind of hyperparameter, nested and conditional."""
    config = {
        "choice": hp.Choice("choice", ["a", "b", "c"], default="b"),
        "numbers": hp.Choice("numbers", [1, 2, 4]),
        "int": hp.Int("int", 2, 11),
        "stepped": hp.Int("stepped", 3, 12, step=4),
        "log": hp.Int("log", 1, 64, sampling="log"),
        "log_stepped": hp.Int("log_stepped", 2, 40, step=3, sampling="log"),
        "float": hp.Float("float", -1.0, 1.0),
        "float_stepped": hp.Float("float_stepped", 0.0, 1.0, step=0.3),
        "float_log": hp.Float("float_log", 1e-4, 1e-1, sampling="log"),
        "float_log_stepped": hp.Float(
            "float_log_stepped", 0.01, 1.0, step=10, sampling="log"
        ),
        "boolean": hp.Boolean("boolean"),
        "fixed": hp.Fixed("fixed", "always"),
    }
    with hp.name_scope("inner"):
        config["inner"] = hp.Int("int", 0, 3)
        with hp.name_scope("most"):
            config["innermost"] = hp.Boolean("boolean")
    config["child"] = hp.Int(
        "child", 5, 9, parent_name="choice", parent_values=["a", "b"]
    )
    with hp.conditional_scope("boolean", [True]):
        config["inside"] = hp.Choice("inside", ["x", "y"])
        config["grandchild"] = hp.Int(
            "grandchild", 1, 2, parent_name="inside", parent_values="y"
        )
    return config


def repeated(hp):
    return [hp.Int("n", 0, 50), hp.Int("n", 0, 50), hp.get("n")]


SPACES = {
    "every_kind": every_kind,
    "repeated": repeated,
    "conv_block": spaces.conv_block,
    "inception_block": spaces.inception_block,
    "residual_block": spaces.residual_block,
    "siamese_encoder": spaces.siamese_encoder,
    "hidden_layers": spaces.hidden_layers,
}
each_space = pytest.mark.parametrize("name", SPACES)


def of(space):
    """A reading of a space by Hypothesis: the values by name, and its result."""

    @st.composite
    def read(draw):
        hp = DrawnHyperParameters(draw)
        result = space(hp)
        return hp.values, result

    return read()


@each_space
@given(st.data())
def test_keras_tuner_allows_what_is_drawn(name, data):
    """The values drawn, given to KerasTuner, make the same configuration."""
    space = SPACES[name]
    values, result = data.draw(of(space))
    hp = kt.HyperParameters()
    hp.values = dict(values)
    assert space(hp) == result
    legal = {parameter.name: parameter for parameter in active(hp)}
    assert set(legal) == set(values)
    for value_name, value in values.items():
        assert is_legal(legal[value_name], value), (value_name, value)


def is_legal(parameter, value):
    if isinstance(parameter, kt.engine.hyperparameters.Float):
        inside = parameter.min_value <= value <= parameter.max_value
        return inside and (parameter.step is None or near_a_step(parameter, value))
    if isinstance(parameter, kt.engine.hyperparameters.Int):
        inside = parameter.min_value <= value <= parameter.max_value
        linear = parameter.step is None or parameter.sampling != "linear"
        stepped = linear or (value - parameter.min_value) % parameter.step == 0
        return isinstance(value, int) and inside and stepped
    return value in parameter.values


def near_a_step(parameter, value):
    return any(abs(value - legal) < 1e-9 for legal in parameter.values)


@each_space
@pytest.mark.parametrize("seed", range(0, 90, 30))
def test_what_keras_tuner_samples_can_be_drawn(name, seed):
    """KerasTuner's values, fed to the look-alike, are among what it would draw."""
    space = SPACES[name]
    hp = sample(space, seed)
    expected = space(hp.copy())
    replayed = Replay(hp.values)
    assert space(replayed) == expected
    assert replayed.values == {p.name: hp.values[p.name] for p in active(hp)}


def active(hp):
    return [parameter for parameter in hp.space if hp.is_active(parameter)]


def sample(space, seed):
    """Random values for all that is active, as KerasTuner's random search has them."""
    hp = kt.HyperParameters()
    space(hp)
    hp.values = {}
    for count, parameter in enumerate(hp.space):
        if hp.is_active(parameter) and parameter.name not in hp.values:
            hp.values[parameter.name] = parameter.random_sample(seed + count)
    return hp


class Replay(DrawnHyperParameters):
    """Answers with given values, which the strategies must be able to draw."""

    def __init__(self, values):
        super().__init__(draw=None)
        self.given = values

    def _get(self, name, strategy, parent_name, parent_values):
        value = self.given.get(self._full(name))
        self._draw = lambda _: drawn(strategy, value)
        return super()._get(name, strategy, parent_name, parent_values)


def drawn(strategy, value):
    """`value`, found by drawing; a float, of which there are too many, nearby."""
    if isinstance(value, float):
        return value
    return find(
        strategy,
        lambda one: one == value,
        settings=settings(max_examples=2000, database=None, derandomize=True),
    )


def test_every_legal_value_is_drawn_and_no_other():
    seen = {name: set() for name in LEGAL}

    @settings(max_examples=150, database=None, derandomize=True)
    @given(configs(every_kind))
    def collect(config):
        for name, values in seen.items():
            values.add(config[name])

    collect()
    assert seen == LEGAL


LEGAL = {
    "choice": {"a", "b", "c"},
    "stepped": {3, 7, 11},
    "log_stepped": {2, 6, 18},
    "float_stepped": {0.3 * steps for steps in range(4)},
    "boolean": {False, True},
    "inner": {0, 1, 2, 3},
    "child": {None, 5, 6, 7, 8, 9},
    "grandchild": {None, 1, 2},
}


@given(of(every_kind))
def test_what_is_inactive_is_not_drawn(reading):
    values, config = reading
    if config["choice"] == "c":
        assert config["child"] is None
    assert ("child" in values) == (config["choice"] != "c")
    assert ("inside" in values) == config["boolean"]
    assert ("grandchild" in values) == (config["boolean"] and config["inside"] == "y")
    assert {"inner/int", "inner/most/boolean"} <= set(values)


@given(configs(repeated))
def test_one_name_has_one_value(values):
    assert len(set(values)) == 1


def test_shrinks_to_the_simplest():
    assert find(configs(repeated), lambda values: values[0] > 10) == [11] * 3
    config = find(configs(every_kind), lambda config: config["boolean"])
    assert config == {
        # Neither the first nor the default: with this one there is no child.
        "choice": "c",
        "numbers": 1,
        "int": 2,
        "stepped": 3,
        "log": 1,
        "log_stepped": 2,
        "float": 0.0,
        "float_stepped": 0.0,
        "float_log": config["float_log"],
        "float_log_stepped": config["float_log_stepped"],
        "boolean": True,
        "fixed": "always",
        "inner": 0,
        "innermost": False,
        "child": None,
        "inside": "x",
        "grandchild": None,
    }


def test_given_arguments_reach_the_space():
    def space(hp, width, *, depth):
        return (width, depth, hp.Int("n", 0, 1))

    assert find(configs(space, width=3, depth=4), lambda _: True) == (3, 4, 0)


@pytest.mark.parametrize("space", [None, {"units": 3}, "conv_block"])
def test_a_space_must_be_callable(space):
    with pytest.raises(TypeError, match=r"^configs: 'space' must be a function of hp"):
        configs(space)


def build_model(hp):
    return keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(hp.Int("units", 1, 4))]
    )


@given(configs(build_model))
def test_models_can_be_drawn(model):
    assert model.count_params() == 4 * model.output_shape[-1]
