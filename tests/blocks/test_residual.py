import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from kerasblocks.blocks.size_law import SizeLaw, find_size_laws
from tests.table import arrays, assert_close, assert_equal


def test_equal_shapes_need_no_projection():
    block = kb.Residual(layers.Conv2D(3, 3, padding="same"))
    block.build((None, None, 8, 3))
    assert block.projection is None
    assert len(block.weights) == 2


@pytest.mark.parametrize("size", [1, 2, 7, 8, 33, None])
@pytest.mark.parametrize("strides", [1, 2, 3])
def test_shortcut_takes_every_stride_th_pixel(size, strides):
    """With a path that gives zeros and a projection that copies the channels."""
    path = layers.Conv2D(
        2, 3, strides, padding="same", kernel_initializer="zeros", name="path"
    )
    block = kb.Residual(path)
    block.build((None, size, size, 1))
    block.projection.set_weights([np.ones((1, 1, 1, 2)), np.zeros(2)])
    for tried in [size] if size else [1, 2, 9, 10]:
        x = np.arange(tried * tried, dtype="float32").reshape(1, tried, tried, 1)
        expected = np.repeat(x[:, ::strides, ::strides], 2, axis=-1)
        np.testing.assert_array_equal(block(x), expected)


@pytest.mark.parametrize("size", [2, 3, 8, 9, 33, None])
def test_a_path_that_rounds_down_gets_a_shortcut_that_does(size):
    block = kb.Residual([layers.MaxPooling1D(2), layers.Dense(5)])
    block.build((None, size, 3))
    for tried in [size] if size else [2, 3, 10, 11]:
        assert block(np.ones((1, tried, 3), "float32")).shape == (1, tried // 2, 5)


def test_vectors_and_sequences_are_projected_by_dense():
    for path, shape in (
        (layers.Dense(5), (None, 3)),
        (layers.LSTM(5, return_sequences=True), (None, None, 3)),
    ):
        block = kb.Residual(path)
        block.build(shape)
        assert isinstance(block.projection, layers.Dense)


def test_a_given_shortcut_is_used_as_it_is():
    shortcut = [layers.UpSampling2D(2), layers.Conv2D(4, 1)]
    block = kb.Residual(layers.Conv2DTranspose(4, 2, strides=2), shortcut)
    assert block.compute_output_shape((None, None, 8, 3)) == (None, None, 16, 4)
    identity = kb.Residual(layers.Dense(3), shortcut=[])
    identity.build((None, 3))
    assert len(identity.weights) == 2


def test_a_fixed_size_path_is_judged_by_that_size():
    block = kb.Residual(
        [layers.Flatten(), layers.Dense(5 * 5 * 2), layers.Reshape((5, 5, 2))]
    )
    block.build((None, 9, 9, 2))
    assert block(np.ones((1, 9, 9, 2), "float32")).shape == (1, 5, 5, 2)


def test_a_stride_that_fits_one_size_by_chance_is_not_taken():
    with pytest.raises(ValueError, match="no stride of a 1x1 projection"):
        kb.Residual(layers.Conv1D(3, 3)).build((None, 5, 2))  # 5 -> 3, but 32 -> 30


@pytest.mark.parametrize(
    ("size_of", "law"),
    [
        (lambda n: -(-n // 2), SizeLaw(2, 0)),
        (lambda n: n // 2, SizeLaw(2, 1)),
        (lambda n: -(-n // 2) // 2, SizeLaw(4, 2)),
        (lambda n: n, SizeLaw(1, 0)),
        (lambda n: (n - 1) // 3 + 1, SizeLaw(3, 0)),
        (lambda n: n // 27, SizeLaw(27, 26)),
        (lambda n: -(-n // 64), SizeLaw(64, 0)),
        (lambda n: (-(-n // 9)) // 2, SizeLaw(18, 9)),
        (lambda n: n - 2, None),
        (lambda n: 2 * n, None),
        (lambda n: None, None),
    ],
)
def test_size_laws(size_of, law):
    assert find_size_laws(lambda n: [size_of(n)], [None], [None]) == [law]


@pytest.mark.parametrize("order", ["book", "post", "pre"])
def test_orders_of_the_residual_block(order):
    block = kb.ResidualBlock(4, order=order, normalization="batch")
    block.build((None, 8, 8, 4))
    first, last = (
        block.branch_layer.layers[0].layers,
        block.branch_layer.layers[-1].layers,
    )
    assert (first[0].name == "normalization") == (order == "pre")
    activations = [layer.name for layer in last if layer.name == "activation"]
    assert len(activations) == (0 if order == "post" else 1)
    outputs = keras.ops.convert_to_numpy(block(-np.ones((1, 8, 8, 4), "float32")))
    assert (outputs.min() >= 0) == (order == "post")


def test_bottleneck_reduces_and_restores():
    block = kb.ResidualBlock(64, depth=1, bottleneck=4, strides=2)
    block.build((None, 9, 9, 64))
    found = [
        (layer.name, layer.layers[0].kernel.shape, layer.layers[0].strides)
        for layer in block.branch_layer.layers
    ]
    assert found == [
        ("reduce", (1, 1, 64, 16), (2, 2)),
        ("conv_1", (3, 3, 16, 16), (1, 1)),
        ("restore", (1, 1, 16, 64), (1, 1)),
    ]


def test_options_of_the_convolutions_reach_the_projection_where_they_fit():
    block = kb.ResidualBlock(8, bottleneck=2, use_bias=True, dilation_rate=2, groups=2)
    block.build((None, 8, 8, 4))
    assert block.projection.options == {"use_bias": True}
    options = [layer.options for layer in block.branch_layer.layers]
    assert options[0] == options[-1] == {"use_bias": True}
    assert options[1] == {"use_bias": True, "dilation_rate": 2, "groups": 2}
    regularized = kb.ResidualBlock(8, kernel_regularizer="l2")
    regularized.build((None, 8, 8, 4))
    assert len(regularized.losses) == 3


@pytest.mark.parametrize("merge", ["add", "multiply", "subtract", "maximum"])
def test_a_global_branch_is_broadcast(merge):
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 3)).astype("float32")
    pool = keras.layers.GlobalAveragePooling2D(keepdims=True)
    block = kb.Residual(pool, merge=merge)
    mean = arrays(pool(x))[0]
    expected = {
        "add": x + mean,
        "multiply": x * mean,
        "subtract": x - mean,
        "maximum": np.maximum(x, mean),
    }
    assert_close(block(x), expected[merge])


def test_one_axis_that_a_branch_reduces_is_broadcast():
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 3)).astype("float32")
    rows = keras.layers.Lambda(
        lambda x: keras.ops.mean(x, axis=1, keepdims=True),
        output_shape=lambda shape: (shape[0], 1, *shape[2:]),
    )
    expected = x + x.mean(axis=1, keepdims=True)
    assert_close(kb.Residual(rows)(x), expected)


def test_a_gate_of_one_channel_is_broadcast():
    gate = keras.layers.Conv2D(1, 1, activation="sigmoid")
    block = kb.Residual(gate, merge="multiply")
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 3)).astype("float32")
    assert_close(block(x), x * arrays(gate(x))[0])
    assert block.projection is None


def test_a_global_branch_cannot_be_concatenated():
    block = kb.Residual(
        keras.layers.GlobalAveragePooling2D(keepdims=True), merge="concatenate"
    )
    with pytest.raises(ValueError, match="no stride of a 1x1 projection"):
        block.build((None, 8, 8, 4))


def test_concatenate_is_the_connection_of_densenet():
    conv = keras.layers.Conv2D(6, 3, padding="same")
    block = kb.Residual(conv, merge="concatenate")
    x = np.random.default_rng(0).standard_normal((2, 6, 5, 4)).astype("float32")
    expected = np.concatenate([x, arrays(conv(x))[0]], axis=-1)
    assert_equal(block(x), expected)
    assert block.projection is None


def test_a_merge_that_is_a_layer_gets_both_as_they_are(tmp_path):
    conv = keras.layers.Conv2D(6, 3, padding="same")
    block = kb.Residual(conv, merge=keras.layers.Concatenate())
    x = np.ones((1, 6, 5, 4), "float32")
    assert block(x).shape == (1, 6, 5, 10)
    inputs = keras.Input((6, 5, 4))
    model = keras.Model(inputs, block(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert_equal(again(x), model(x))
