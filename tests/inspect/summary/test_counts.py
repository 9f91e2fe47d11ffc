"""`summary`: parameters and multiply-accumulates, against other counts."""

import keras
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.summary import summary
from tests.inspect.summary.models import image_model
from tests.table import TABLE, functional

tensorflow_only = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="its own profiler"
)


# Parameters, and multiply-accumulates in billions as published.
@pytest.mark.parametrize(
    ("name", "parameters", "published"),
    [
        ("ResNet50", 25_636_712, 3.86),
        ("MobileNet", 4_253_864, 0.569),
        ("MobileNetV2", 3_538_984, 0.300),
        ("InceptionV3", 23_851_784, 5.70),
        ("VGG16", 138_357_544, 15.5),
    ],
)
def test_published_counts(name, parameters, published):
    found = summary(lambda: getattr(keras.applications, name)(weights=None))
    assert found.parameters == parameters
    assert found.macs / 1e9 == pytest.approx(published, rel=5e-3)
    assert found.weight_bytes == 4 * parameters


def profiled(model, shape):
    """Multiply-accumulates by TensorFlow's profiler, on a frozen graph."""
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    run = tf.function(lambda x: model(x, training=False))
    concrete = run.get_concrete_function(tf.TensorSpec((1, *shape[1:])))
    graph = convert_variables_to_constants_v2(concrete).graph
    options = tf.compat.v1.profiler.ProfileOptionBuilder.float_operation()
    options["output"] = "none"
    with graph.as_default():
        profile = tf.compat.v1.profiler.profile(graph, cmd="op", options=options)
    of = {}

    def walk(node):
        of[node.name] = node.float_ops
        for child in node.children:
            walk(child)

    walk(profile)
    kinds = ("Conv2D", "Conv2DBackpropInput", "DepthwiseConv2dNative", "MatMul")
    return sum(of.get(kind, 0) for kind in kinds) // 2


@tensorflow_only
def test_against_the_profiler_of_tensorflow():
    shape = (None, 33, 30, 3)
    model = image_model(
        kb.ConvBlock(8, 3, strides=2),
        kb.InceptionBlock(4, strides=2),
        kb.ResidualBlock(16, normalization="batch", strides=2, bottleneck=4),
        kb.ConvBlock(12, 3, convolution="separable"),
        layers.DepthwiseConv2D(3, padding="same"),
        layers.Conv2D(6, (2, 3), padding="valid"),
        layers.Flatten(),
        layers.Dense(5, "softmax"),
        size=shape[1:],
    )
    found = summary(model)
    assert found.macs == profiled(model, shape)
    assert found.parameters == model.count_params()


@pytest.mark.parametrize(
    ("layer", "shape", "macs"),
    [
        (layers.Dense(3), (None, 4), 12),
        (layers.Dense(3), (None, 7, 4), 7 * 12),
        (
            layers.Conv2D(6, 3, groups=2, padding="same"),
            (None, 5, 7, 4),
            35 * 9 * 2 * 6,
        ),
        (layers.Conv1D(6, 3, strides=2), (None, 9, 4), 4 * 3 * 4 * 6),
        (layers.Conv3D(2, 1), (None, 1, 3, 5, 4), 15 * 4 * 2),
        (layers.Conv2DTranspose(6, 3, strides=2), (None, 5, 5, 4), 25 * 9 * 4 * 6),
        (
            layers.SeparableConv2D(6, 3, depth_multiplier=2),
            (None, 5, 5, 4),
            9 * (9 * 8 + 8 * 6),
        ),
        (layers.DepthwiseConv1D(3, depth_multiplier=2), (None, 5, 4), 3 * 3 * 8),
        (layers.EinsumDense("...x,xy->...y", 5), (None, 6, 4), 6 * 20),
        (layers.Embedding(100, 8), (None, 6), 0),
        (layers.MaxPooling2D(2), (None, 5, 5, 4), 0),
        (layers.BatchNormalization(scale=False), (None, 5, 4), 0),
        (layers.Softmax(axis=(1, 2)), (None, 5, 4), 0),
        (layers.PReLU(), (None, 4), 0),
        (layers.Dense(3, "mish"), (None, 4), 12),
        (layers.LSTM(5), (None, 7, 3), 7 * 4 * 5 * (3 + 5)),
        (layers.GRU(5, return_sequences=True), (None, 7, 3), 7 * 3 * 5 * (3 + 5)),
        (layers.Bidirectional(layers.SimpleRNN(5)), (None, 7, 3), 2 * 7 * 5 * (3 + 5)),
        (layers.TimeDistributed(layers.Dense(5)), (None, 7, 3), 7 * 15),
        (
            layers.ConvLSTM1D(2, 3, padding="same"),
            (None, 4, 6, 5),
            4 * 4 * 6 * 3 * 2 * (5 + 2),
        ),
        (
            layers.MultiHeadAttention(2, 4, flash_attention=False),
            ((None, 3, 8), (None, 5, 8)),
            3 * 64 + 2 * 5 * 64 + 2 * 2 * 3 * 5 * 4 + 3 * 64,
        ),
        (layers.Dot(axes=1), [(None, 6), (None, 6)], 6),
        (layers.Add(), [(None, 6), (None, 6)], 0),
    ],
    ids=lambda value: value.name if isinstance(value, layers.Layer) else "",
)
def test_layers_of_keras_by_hand(layer, shape, macs):
    found = summary(layer, shape)
    assert found.macs == macs
    assert not layer.built or not layer.weights


def test_channels_first_is_counted_alike():
    last = summary(layers.SeparableConv2D(6, 3), (None, 5, 7, 4))
    first = layers.SeparableConv2D(6, 3, data_format="channels_first")
    assert summary(first, (None, 4, 5, 7)).macs == last.macs


@pytest.mark.parametrize("row", TABLE, ids=str)
def test_every_block_built_or_not(row):
    layer = row.make()
    specs = keras.tree.map_structure(
        lambda x: keras.KerasTensor((2, *x.shape[1:]), x.dtype),
        functional(row.make(), row.shape, row.dtype).input,
    )
    asked = summary(layer, specs)
    assert not any(one.built and one.weights for one in layer._flatten_layers())
    model = functional(layer, row.shape, row.dtype)
    assert asked.parameters == model.count_params()
    assert asked.root.output_shape == keras.tree.map_structure(
        lambda x: (2, *x.shape[1:]), model.output
    ) or None in keras.tree.flatten(row.shape)
    found = summary(model)
    assert found.parameters == asked.parameters
    assert found.macs == summary(kb.expand(model)).macs
    if found.macs is not None:
        assert asked.macs == 2 * found.macs


def test_a_shared_layer_counts_parameters_once_and_macs_each_time():
    encoder = keras.Sequential([layers.Dense(5), layers.Dense(2)], name="encoder")
    model = functional(kb.SiameseEncoder(encoder), [(None, 4), (None, 4)])
    found = summary(model)
    first, second = (row for row in found.root if row.name == "encoder")
    assert found.parameters == 5 * 5 + 6 * 2
    assert found.macs == 2 * (4 * 5 + 5 * 2)
    assert (first.shared, second.shared) == (False, True)
    assert second.macs == first.macs
    assert second.shared_parameters == second.parameters == found.parameters
    assert "shared" in str(found)


def test_a_weight_of_another_layer_is_shared():
    class Tied(layers.Layer):
        def __init__(self, other):
            super().__init__()
            self.other = other

        def call(self, x):
            return ops.matmul(x, ops.transpose(self.other.kernel))

    inputs = keras.Input((4,))
    dense = layers.Dense(3, use_bias=False)
    found = summary(keras.Model(inputs, Tied(dense)(dense(inputs))))
    assert (found.parameters, found.macs) == (12, 24)
    assert found.root.children[1].shared_parameters == 12


def test_dtypes_and_trainable():
    frozen = layers.Dense(4, trainable=False, dtype="mixed_bfloat16", name="frozen")
    norm = layers.BatchNormalization(dtype="mixed_bfloat16")
    model = image_model(frozen, norm, layers.Dense(1, dtype="float32"))
    found = summary(model)
    assert [row.dtype for row in found.root.children] == [
        *("bfloat16", "bfloat16", "float32")
    ]
    assert found.trainable == 8 + 5
    assert found.non_trainable == 20 + 8
    assert found.weight_bytes == 4 * found.parameters
    assert found.largest_activation_bytes == 64 * 4 * 2
    assert found.activation_bytes == 2 * 64 * 4 * 2 + 64 * 4
