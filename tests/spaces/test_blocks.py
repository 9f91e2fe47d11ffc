"""Every point of every space builds, and a tuner sees what the block is given."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from keras import layers

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.testing import configs
from tests.spaces.reading import filters_and_strides, sampled

FILTERS = (1, 2, 4)
CONVOLUTIONAL = ("conv_block", "inception_block", "residual_block", "xception_block")
HEADS = {"age": kb.heads.Regression(), "kind": kb.heads.Multiclass(3)}


def encoder():
    return layers.Dense(3)


@st.composite
def built(draw, name):
    """A point of a space, the filters now and then given to keep blocks small."""
    given = {}
    if name in CONVOLUTIONAL:
        given["filters"] = draw(st.sampled_from([*FILTERS, None]))
        given["strides"] = draw(st.sampled_from([None, 1, 2, 3]))
        layouts = [None, "channels_first", "channels_last"]
        given["data_format"] = draw(st.sampled_from(layouts))
    given = {argument: value for argument, value in given.items() if value}
    needed = NEEDED.get(name, {})
    return given, draw(configs(getattr(spaces, name), **given, **needed))


BLOCKS = {
    "conv_block": lambda config: kb.ConvBlock(**config),
    "inception_block": lambda config: kb.InceptionBlock(**config),
    "residual_block": lambda config: kb.ResidualBlock(**config),
    "xception_block": lambda config: kb.XceptionBlock(**config),
    "squeeze_excite": lambda config: kb.SqueezeExcite(**config),
    "siamese_encoder": lambda config: kb.SiameseEncoder(encoder(), **config),
    "multi_input": lambda config: kb.MultiInput(
        {"one": encoder(), "other": keras.layers.Dense(2)}, **config
    ),
    "multi_head": lambda config: kb.MultiHeadOutput(**config),
    "hidden_layers": lambda config: kb.MultiHeadOutput(
        {"age": kb.heads.Regression(hidden=config)}
    ),
}
INPUTS = {
    "siamese_encoder": [(None, 4), (None, 4)],
    "multi_input": {"one": (None, 4), "other": (None, 4)},
    "multi_head": (None, 4),
    "hidden_layers": (None, 4),
}
NEEDED = {"multi_head": {"heads": HEADS}}
each_space = pytest.mark.parametrize("name", BLOCKS)


def build(name, config, rank=2):
    first = name in CONVOLUTIONAL and config.get("data_format") == "channels_first"
    sizes = (None,) * rank
    shape = INPUTS.get(name, (None, 3, *sizes) if first else (None, *sizes, 3))
    with keras.StatelessScope(initialize_variables=False):
        block = BLOCKS[name](config)
        block.build(shape)
        return block, block.compute_output_shape(shape)


def check(name, config, given, rank=2):
    block, shape = build(name, config, rank)
    assert block.weights
    if name not in CONVOLUTIONAL:
        return
    first = config.get("data_format") == "channels_first"
    filters, strides = filters_and_strides(config)
    assert given.get("filters", filters) == filters
    assert given.get("strides", strides) == strides
    branches = 4 if name == "inception_block" else 1
    assert shape[1 if first else -1] == branches * filters
    sizes = (12,) * rank
    given = (None, 3, *sizes) if first else (None, *sizes, 3)
    shape = block.compute_output_shape(given)
    by_axis = strides if isinstance(strides, tuple) else (strides,) * rank
    expected = tuple(12 // stride for stride in by_axis)
    assert (shape[2:] if first else shape[1:-1]) == expected


@each_space
@given(st.data(), st.integers(1, 3))
def test_every_point_builds(name, data, rank):
    given, config = data.draw(built(name))
    check(name, config, given, rank)


@each_space
@pytest.mark.parametrize("seed", range(0, 80, 10))
def test_every_sample_of_keras_tuner_builds(name, seed):
    hp, config = sampled(getattr(spaces, name), seed, **NEEDED.get(name, {}))
    check(name, config, {})
    active = {p.name for p in hp.space if hp.is_active(p)}
    assert set(hp.values) == active, "a space must show all of itself at once"


@each_space
def test_defaults_build(name):
    config = getattr(spaces, name)(kt.HyperParameters(), **NEEDED.get(name, {}))
    check(name, config, {})


@each_space
def test_names_are_in_a_scope_of_their_own(name):
    hp = kt.HyperParameters()
    getattr(spaces, name)(hp, "first", **NEEDED.get(name, {}))
    names = [parameter.name for parameter in hp.space]
    assert names
    assert all(n.startswith("first/") for n in names)
    assert len(set(names)) == len(names)


@each_space
@given(st.data())
def test_two_blocks_do_not_share_values(name, data):
    space = getattr(spaces, name)

    def both(hp):
        more = NEEDED.get(name, {})
        return space(hp, "first", **more), space(hp, "second", **more), dict(hp.values)

    hp = kt.HyperParameters()
    both(hp)
    first = [p.name for p in hp.space if p.name.startswith("first/")]
    assert len(hp.space) == 2 * len(first)
    *_, values = data.draw(configs(both).filter(lambda read: differ(read[-1])))
    assert differ(values)


def differ(values):
    """Whether the second block has any value that the first has not."""
    return any(
        value != values.get(name.replace("second/", "first/", 1))
        for name, value in values.items()
        if name.startswith("second/")
    )


@pytest.mark.parametrize("name", CONVOLUTIONAL)
def test_given_arguments_are_not_searched(name):
    space = getattr(spaces, name)
    hp = kt.HyperParameters()
    arguments = list(space(hp))
    searched = {parameter.name.split("/")[-1] for parameter in hp.space}
    given = {
        "filters": 8,
        "strides": 2,
        "normalization": None,
        "activation": "tanh",
    }
    hp = kt.HyperParameters()
    config = space(hp, **given)
    left = {parameter.name.split("/")[-1] for parameter in hp.space}
    assert left == searched - set(given)
    assert {argument: config[argument] for argument in given} == given
    assert set(arguments) <= {*config, "pooling"}
    every = {argument: config[argument] for argument in config}
    hp = kt.HyperParameters()
    assert space(hp, **every) == every
    assert {p.name for p in hp.space} <= {"residual_block/pooling"}


def test_other_arguments_are_passed_on():
    given = {"use_bias": True, "padding": "valid", "data_format": "channels_first"}
    config = spaces.conv_block(kt.HyperParameters(), **given)
    assert {argument: config[argument] for argument in given} == given
    assert kb.ConvBlock(**config).padding == "valid"


def test_pooling_is_only_where_there_is_something_to_pool():
    hp = kt.HyperParameters()
    spaces.residual_block(hp)
    (pooling,) = [p for p in hp.space if p.name.endswith("/pooling")]
    hp.values |= {"residual_block/strides": 1, "residual_block/pooling": "max"}
    assert not hp.is_active(pooling)
    assert "branch" not in spaces.residual_block(hp)
    hp.values |= {"residual_block/strides": 2, "residual_block/pooling": "max"}
    assert hp.is_active(pooling)
    assert spaces.residual_block(hp)["branch"][-1] == ("max", 2, 2)
    hp = kt.HyperParameters()
    spaces.residual_block(hp, strides=1)
    assert "residual_block/pooling" not in {p.name for p in hp.space}
    hp = kt.HyperParameters()
    spaces.residual_block(hp, strides=2)
    assert "residual_block/pooling" in {p.name for p in hp.space}


@given(configs(lambda hp: (spaces.residual_block(hp), dict(hp.values))))
def test_what_is_inactive_is_neither_drawn_nor_reported(reading):
    config, values = reading
    strided = values["residual_block/strides"] > 1
    assert ("residual_block/pooling" in values) == strided
    assert ("branch" in config) == (values.get("residual_block/pooling") == "max")


@given(configs(lambda hp: (spaces.hidden_layers(hp, most=3), dict(hp.values))))
def test_hidden_layers_have_units_only_where_they_are(reading):
    widths, values = reading
    assert values["hidden/depth"] == len(widths)
    units = {f"hidden/units_{i}" for i in range(1, len(widths) + 1)}
    assert set(values) == {"hidden/depth", *units}
    assert [values[name] for name in sorted(units)] == widths


@pytest.mark.parametrize("strides", [(1, 1), (2, 1), (1, 2), (3, 3)])
def test_strides_by_axis_can_be_given(strides):
    for point in range(0, 60, 10):
        for name in CONVOLUTIONAL:
            _, config = sampled(
                getattr(spaces, name),
                point,
                strides=strides,
                filters=4,
            )
            check(name, config, {"strides": strides})


@pytest.mark.parametrize("name", CONVOLUTIONAL)
@settings(max_examples=max(4, settings().max_examples // 4))
@given(st.data())
def test_every_point_runs_at_any_size(name, data):
    """Sizes of 1 and odd ones, where a shortcut or a pooling could go wrong."""
    rank = data.draw(st.integers(1, 3))
    sizes = data.draw(st.tuples(*[st.integers(1, 5)] * rank))
    filters = data.draw(st.sampled_from(FILTERS))
    config = data.draw(configs(getattr(spaces, name), filters=filters))
    block = BLOCKS[name](config)
    outputs = block(np.ones((2, *sizes, 2), "float32"))
    assert tuple(outputs.shape) == block.compute_output_shape((2, *sizes, 2))
    assert np.isfinite(keras.ops.convert_to_numpy(outputs)).all()


@each_space
def test_a_wrong_keyword_is_told_at_once(name):
    if name == "hidden_layers":
        pytest.skip("its arguments are Python's own")
    words = f"^{name}: unexpected keyword argument 'data_fromat'"
    with pytest.raises(TypeError, match=words):
        getattr(spaces, name)(
            kt.HyperParameters(), data_fromat="x", **NEEDED.get(name, {})
        )


def test_a_wrong_keyword_has_a_near_one():
    with pytest.raises(TypeError, match="'activatoin'; did you mean 'activation'"):
        spaces.conv_block(kt.HyperParameters(), activatoin="relu")
