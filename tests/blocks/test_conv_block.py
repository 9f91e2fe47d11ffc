import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.table import assert_equal

PRE_ACTIVATION = ("normalization", "activation", "convolution")


def built(*args, shape=(None, 8, 8, 6), **kwargs):
    block = kb.ConvBlock(*args, **kwargs)
    block.build(shape)
    return block


def child(block, name):
    return next((layer for layer in block.layers if layer.name == name), None)


@pytest.mark.parametrize(
    ("arguments", "bias"),
    [
        ({}, False),
        ({"normalization": None}, True),
        ({"normalization": layers.LayerNormalization()}, False),
        ({"order": PRE_ACTIVATION}, True),
        ({"order": ("convolution", "activation", "normalization")}, True),
        ({"use_bias": True}, True),
        ({"normalization": None, "use_bias": False}, False),
        ({"convolution": "separable"}, False),
    ],
)
def test_bias_only_where_no_normalization_follows(arguments, bias):
    assert child(built(4, **arguments), "convolution").use_bias is bias


def test_children_run_in_the_order_given():
    order = ("activation", "convolution", "normalization")
    assert [layer.name for layer in built(4, order=order).layers] == list(order)


def test_a_template_is_copied_with_its_arguments_and_the_blocks_axis():
    template = layers.BatchNormalization(epsilon=1.001e-5, scale=False, momentum=0.9)
    first, second = (
        built(4, normalization=template, data_format=data_format, shape=(None, 6, 8, 6))
        for data_format in ("channels_last", "channels_first")
    )
    ours = child(first, "normalization")
    assert (ours.epsilon, ours.scale, ours.momentum) == (1.001e-5, False, 0.9)
    assert (ours.axis, child(second, "normalization").axis) == (-1, 1)
    assert not template.built
    assert ours is not child(second, "normalization")


@pytest.mark.parametrize(("count", "groups"), [(4, 4), (48, 16), (64, 32), (7, 1)])
def test_group_normalization_divides_the_channels(count, groups):
    block = built(count, normalization="group")
    assert child(block, "normalization").groups == groups


def test_further_arguments_reach_the_convolution_and_the_config():
    initializer = keras.initializers.HeNormal(seed=3)
    block = built(
        4,
        dilation_rate=2,
        groups=2,
        kernel_initializer=initializer,
        kernel_regularizer="l2",
    )
    convolution = child(block, "convolution")
    assert (convolution.dilation_rate, convolution.groups) == ((2, 2), 2)
    assert len(block.losses) == 1
    copy = kb.ConvBlock.from_config(block.get_config())
    copy.build((None, 8, 8, 6))
    np.testing.assert_array_equal(
        keras.ops.convert_to_numpy(child(copy, "convolution").kernel),
        keras.ops.convert_to_numpy(convolution.kernel),
    )


def test_depthwise_in_3d_is_depthwise_in_2d_on_a_flat_volume():
    flat, volume = (
        kb.ConvBlock(
            None,
            size,
            convolution="depthwise",
            depth_multiplier=2,
            normalization=None,
            activation=None,
        )
        for size in ((3, 3), (1, 3, 3))
    )
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")
    flat.build(x.shape)
    volume.build(x[:, None].shape)
    kernel, bias = flat.get_weights()
    # A grouped convolution has one input channel and all output channels.
    volume.set_weights([kernel.reshape(1, 3, 3, 1, 6), bias])
    np.testing.assert_allclose(volume(x[:, None])[:, 0], flat(x), rtol=1e-4, atol=1e-5)


def test_separable_in_3d_is_separable_in_2d_on_a_flat_volume():
    options = {"normalization": None, "activation": "elu", "convolution": "separable"}
    flat = kb.ConvBlock(4, (3, 3), strides=2, depth_multiplier=2, **options)
    volume = kb.ConvBlock(4, (1, 3, 3), strides=2, depth_multiplier=2, **options)
    x = np.random.default_rng(0).standard_normal((2, 5, 6, 3)).astype("float32")
    flat.build(x.shape)
    volume.build(x[:, None].shape)
    depthwise, pointwise, bias = flat.get_weights()
    volume.set_weights([depthwise.reshape(1, 3, 3, 1, 6), pointwise[None], bias])
    np.testing.assert_allclose(volume(x[:, None])[:, 0], flat(x), rtol=1e-4, atol=1e-5)


def test_maxout_is_the_maximum_over_neighbours():
    x = np.random.default_rng(0).standard_normal((2, 5, 6)).astype("float32")
    expected = x.reshape(2, 5, 2, 3).max(axis=-1)
    np.testing.assert_array_equal(kb.Maxout(3)(x), expected)
    first = kb.Maxout(3, data_format="channels_first")(np.swapaxes(x, 1, 2))
    np.testing.assert_array_equal(first, np.swapaxes(expected, 1, 2))


def test_causal_padding_is_that_of_keras():
    options = {"padding": "causal", "dilation_rate": 3, "use_bias": False}
    block = kb.ConvBlock(5, 4, normalization=None, activation=None, **options)
    x = np.random.default_rng(0).standard_normal((2, 17, 3)).astype("float32")
    expected = layers.Conv1D(5, 4, **options)
    outputs = block(x)
    expected.build(x.shape)
    expected.set_weights(block.get_weights())
    assert_equal(outputs, expected(x))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_padding_by_numbers_is_zeros_at_each_side(rank, data_format):
    last = data_format == "channels_last"
    pairs = [(1, 0), (0, 2), (3, 1)][:rank]
    block = kb.ConvBlock(
        2, 3, padding=tuple(pairs), normalization=None, data_format=data_format
    )
    shape = (5, 6, 4)[:rank]
    shape = (2, *shape, 3) if last else (2, 3, *shape)
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    padded = np.pad(x, [(0, 0), *pairs, (0, 0)] if last else [(0, 0), (0, 0), *pairs])
    block.build(shape)
    assert block.layers[0].name == "padding"
    assert_equal(block(x), block.layers[1](padded))


def test_padding_of_nothing_is_valid():
    block = kb.ConvBlock(2, 3, padding=0)
    assert block.compute_output_shape((None, 8, 8, 3)) == (None, 6, 6, 2)


@pytest.mark.parametrize("kind", ["standard", "separable", "depthwise"])
@pytest.mark.parametrize("rank", [1, 2, 3])
def test_without_normalization_the_activation_is_the_convolutions_own(rank, kind):
    filters = None if kind == "depthwise" else 4
    given = {"convolution": kind, "normalization": None}
    fused = kb.ConvBlock(filters, activation="gelu", **given)
    plain = kb.ConvBlock(filters, activation=None, **given)
    x = np.random.default_rng(0).standard_normal((2, *(5,) * rank, 3)).astype("float32")
    fused(x), plain(x)
    plain.set_weights(fused.get_weights())
    assert "activation" not in [layer.name for layer in fused.layers]
    assert_equal(fused(x), keras.activations.gelu(plain(x)))
    layer = kb.ConvBlock(filters, activation=keras.layers.ELU(), **given)
    layer(x)
    assert layer.layers[-1].name == "activation"
