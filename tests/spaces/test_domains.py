"""Arguments that are fixed or narrowed, and the conditions between them."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.spaces import Space, among, between
from kerasblocks.testing import configs
from tests.spaces.reading import at, sampled, searched


@pytest.mark.parametrize(
    ("domain", "labels"),
    [
        (among(16, 32), [16, 32]),
        (among(0.1, 1), [0.1, 1.0]),
        (among(True, False), [True, False]),
        (among("batch", None), ["batch", "none"]),
        (among(None, 4), ["none", "4"]),
        (among(1, True), ["1", "True"]),
        (among((1, 2), (2, 1)), ["1x2", "2x1"]),
        (among(np.int64(3), 4), [3, 4]),
        (among(keras.layers.ReLU(), "relu", keras.layers.ReLU()), None),
    ],
)
def test_every_value_has_a_label_that_keras_tuner_can_hold(domain, labels):
    assert labels is None or domain.labels == labels
    assert len(set(domain.labels)) == len(domain.values)
    for label, value in zip(domain.labels, domain.values, strict=True):
        hp = kt.HyperParameters()
        hp.values = {"one": label}
        assert domain.ask(hp, "one") is value or domain.ask(hp, "one") == value
    assert domain.ask(kt.HyperParameters(), "one") is domain.values[0]


@pytest.mark.parametrize(
    ("domain", "first"),
    [
        (between(1e-4, 1e-2, log=True), 1e-3),
        (between(0.0, 1.0), 0.5),
        (between(0.0, 0.5, step=0.1), 0.2),
        (between(4, 64, log=True, step=2), 16),
        (between(1, 4), 2),
        (between(1, 9, step=4), 5),
        (between(0.0, 1.0, default=0.9), 0.9),
    ],
)
def test_a_range_begins_in_its_middle_and_is_whole_where_its_ends_are(domain, first):
    value = domain.ask(kt.HyperParameters(), "one")
    assert value == pytest.approx(first)
    assert isinstance(value, int) == isinstance(domain.low, int)


@given(configs(lambda hp: between(4, 64, log=True, step=2).ask(hp, "n")))
def test_the_values_of_a_range_are_those_that_are_drawn(value):
    assert value in between(4, 64, log=True, step=2).values


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: among(), "among: give at least one value"),
        (lambda: among(1, 2, 1), "each value must come once, got 1 twice"),
        (lambda: between(2, 1), "'high' must be above 2, got 1"),
        (lambda: between("a", 1), "'low' must be a number, got 'a'"),
        (lambda: between(0, 1, log=True), "'low' must be above 0 with log=True, got 0"),
        (lambda: between(1, 8, log=True, step=1), "'step' must be above 1 with log"),
        (lambda: between(0, 8, step=0), "'step' must be above 0, got 0"),
        (lambda: between(0, 8, default=9), "'default' must be from 0 to 8, got 9"),
    ],
)
def test_a_wrong_domain_is_told(make, words):
    with pytest.raises(ValueError, match=words):
        make()


@given(
    configs(
        lambda hp: (
            spaces.residual_block(
                hp,
                filters=among(6, 8),
                strides=among(1, (2, 1)),
                kernel_size=between(1, 4),
                normalization=among("batch", None),
                use_bias=among(True, False),
            ),
            dict(hp.values),
        )
    )
)
def test_narrowed_arguments_keep_to_their_values_and_conditions(reading):
    config, values = reading
    value = {name.partition("/")[2]: value for name, value in values.items()}
    assert value["filters"] in (6, 8)
    assert value["kernel_size"] in range(1, 5)
    assert config["use_bias"] in (True, False)
    assert ("bottleneck" in value) == (value["filters"] == 8)
    assert ("pooling" in value) == (value["strides"] != "1")
    pooled = value.get("pooling", "none") != "none"
    assert ("branch" in config) == pooled
    if pooled:
        assert config["branch"][-1][1:] == ((2, 1), (2, 1))
    else:
        assert config["strides"] in (1, (2, 1))
    block = kb.ResidualBlock(**config)
    assert block.compute_output_shape((None, 5, 5, 3))[-1] == value["filters"]


def test_one_value_is_none_to_choose_from():
    names = searched(spaces.conv_block, filters=among(8), strides=2)
    assert "conv_block/filters" not in names
    config = spaces.conv_block(kt.HyperParameters(), filters=among(8))
    assert config["filters"] == 8


def test_what_is_fixed_for_one_case_is_there_in_that_case_alone():
    strides = {"residual_block/strides": 2}
    config, _ = at(spaces.residual_block, strides, pooling="average")
    assert config["branch"][-1] == ("average", 2, 2)
    config, _ = at(spaces.residual_block, {"residual_block/strides": 1}, pooling="max")
    assert "branch" not in config
    assert config["strides"] == 1
    with pytest.raises(ValueError, match="'strides' must be above 1 with pooling"):
        spaces.residual_block(kt.HyperParameters(), strides=1, pooling="max")


def test_a_branch_holds_what_its_steps_say():
    branch = [(4, 1), {"filters": 4, "kernel_size": 3, "groups": 2}, (8, 1)]
    config = spaces.residual_block(kt.HyperParameters(), branch=branch)
    assert not {"filters", "kernel_size", "strides", "depth"} & set(config)
    assert kb.ResidualBlock(**config).compute_output_shape((None, 5, 3)) == (None, 5, 8)


def test_separable_convolutions_are_steps():
    given = {"filters": 4, "strides": 2, "pooling": None}
    config = spaces.residual_block(
        kt.HyperParameters(), convolution="separable", **given
    )
    assert [step["convolution"] for step in config["branch"]] == ["separable"] * 2
    assert kb.ResidualBlock(**config).compute_output_shape((None, 5, 3)) == (None, 3, 4)


@pytest.mark.parametrize(
    ("space", "given", "words"),
    [
        ("conv_block", {"convolution": "seperable"}, "did you mean 'separable'"),
        ("residual_block", {"order": among("pre", "pots")}, "got 'pots'; did you mean"),
        ("residual_block", {"pooling": "mx"}, "'pooling' must be one of None, 'max'"),
        ("multi_input", {"merge": "concat"}, "'merge' must be one of 'concatenate'"),
        ("siamese_encoder", {"merge": "euclid"}, "did you mean 'euclidean'"),
        ("optimizer", {"kind": "adma"}, "did you mean 'adam'"),
        ("image_augmentation", {"flip": "sideways"}, "'flip' must be one of None"),
        ("normalization", {"kind": "bacth"}, "did you mean 'batch'"),
    ],
)
def test_values_that_are_not_legal_are_told(space, given, words):
    with pytest.raises(ValueError, match=f"^{space}: .*{words}"):
        getattr(spaces, space)(kt.HyperParameters(), **given)


@given(st.data())
def test_depthwise_convolutions_have_no_filters(data):
    kinds = among("standard", "depthwise")
    config = data.draw(configs(spaces.conv_block, convolution=kinds))
    depthwise = config["convolution"] == "depthwise"
    assert (config["filters"] is None) == depthwise
    shape = kb.ConvBlock(**config).compute_output_shape((None, 5, 3))
    assert shape[-1] == (3 if depthwise else config["filters"])


def test_options_are_those_of_every_convolution_that_is_possible():
    with pytest.raises(TypeError, match="'depth_multiplier'"):
        spaces.conv_block(kt.HyperParameters(), depth_multiplier=2)
    config = spaces.conv_block(
        kt.HyperParameters(), convolution="separable", depth_multiplier=2
    )
    assert config["depth_multiplier"] == 2


@pytest.mark.parametrize("seed", range(0, 60, 20))
def test_a_dilation_leaves_no_stride(seed):
    for name, block in [
        ("conv_block", kb.ConvBlock),
        ("residual_block", kb.ResidualBlock),
    ]:
        _, config = sampled(getattr(spaces, name), seed, dilation_rate=2)
        assert config["strides"] == 1
        assert block(**config).compute_output_shape((None, 9, 3))[1] == 9


def test_branches_hold_their_own_filters():
    given = {"branches": [[(2, 1)], [(2, 3)]]}
    config = spaces.inception_block(kt.HyperParameters(), **given)
    assert "filters" not in config
    assert kb.InceptionBlock(**config).compute_output_shape((None, 5, 3)) == (
        *(None, 5, 4),
    )


def test_in_a_scope_that_is_closed_a_space_gives_its_defaults():
    """Python runs what stands in a closed scope; none of it is sampled."""
    hp = kt.HyperParameters()
    hp.Choice("kind", ["plain", "residual"])
    with hp.conditional_scope("kind", ["residual"]):
        config = spaces.residual_block(hp)
        rate = spaces.optimizer(hp)
    assert kb.ResidualBlock(**config).filters == 16
    assert float(keras.optimizers.get(rate).learning_rate) == pytest.approx(3e-3)
    assert set(hp.values) == {"kind"}
    hp.values["kind"] = "residual"
    with hp.conditional_scope("kind", ["residual"]):
        spaces.residual_block(hp, "other")
    assert "other/filters" in hp.values


def test_a_condition_on_a_conditional_argument_holds_both():
    def space(hp):
        with Space(hp, "test", "s", {}, ()) as s:
            s.choose("a", among(1, 2))
            s.choose("b", among("x", "y"), when=("a", lambda a: a == 2))
            s.choose("c", among(5, 6), when=("b", lambda b: b == "y"))
        return s.arguments

    assert at(space, {"s/a": 1, "s/b": "y", "s/c": 6}) == ({"a": 1}, {"s/a": 1})
    values = {"s/a": 2, "s/b": "x"}
    assert at(space, values) == ({"a": 2, "b": "x"}, values)
    values = {"s/a": 2, "s/b": "y", "s/c": 6}
    assert at(space, values) == ({"a": 2, "b": "y", "c": 6}, values)
