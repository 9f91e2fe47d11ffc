"""`fold` case by case; random models are in `test_graphs.py`."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from kerasblocks.inspect.fold import fold
from tests.inspect.random_graphs import randomize
from tests.table import arrays, assert_equal

BatchNorm = layers.BatchNormalization


def model_of(inputs, outputs):
    model = keras.Model(inputs, outputs)
    randomize(model, seed=0)
    return model


def chain(shape, *steps):
    x = inputs = keras.Input(shape)
    for step in steps:
        x = step(x)
    return model_of(inputs, x)


def images(*shape):
    return np.random.default_rng(0).normal(size=(2, *shape)).astype("float32")


def kinds(model):
    return [type(layer).__name__ for layer in model.layers[1:]]


def assert_folds(model, *expected, rtol=1e-5):
    """To these kinds of layers, with the same outputs; returns what came out."""
    folded = fold(model)
    assert kinds(folded) == list(expected)
    sizes = [[n or 7 for n in x.shape[1:]] for x in model.inputs]
    x = [images(*size) for size in sizes]
    x = x if len(x) > 1 else x[0]
    for ours, theirs in zip(arrays(folded(x)), arrays(model(x)), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=rtol * np.abs(theirs).max())
    return folded


LINEAR = [
    (1, lambda: layers.Conv1D(4, 3, dilation_rate=2)),
    (2, lambda: layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False)),
    (3, lambda: layers.Conv3D(4, 2)),
    (2, lambda: layers.Conv2D(6, 2, groups=2)),
    (1, lambda: layers.DepthwiseConv1D(3, depth_multiplier=2)),
    (2, lambda: layers.DepthwiseConv2D(3, depth_multiplier=2, use_bias=False)),
    (1, lambda: layers.SeparableConv1D(5, 3)),
    (2, lambda: layers.SeparableConv2D(5, 3, depth_multiplier=2)),
    (1, lambda: layers.Dense(3, use_bias=False)),
]
TRANSPOSED = [
    (1, lambda: layers.Conv1DTranspose(3, 3, strides=2)),
    (2, lambda: layers.Conv2DTranspose(3, 3, padding="same")),
    (3, lambda: layers.Conv3DTranspose(3, 2, strides=2, use_bias=False)),
]


@pytest.mark.parametrize(("rank", "make"), [*LINEAR, *TRANSPOSED])
def test_batch_norm_after_a_linear_layer(rank, make):
    layer = make()
    model = chain((*(6,) * rank, 4), layer, BatchNorm(), layers.ReLU())
    assert_folds(model, type(layer).__name__, "ReLU")


@pytest.mark.parametrize(("rank", "make"), LINEAR)
def test_batch_norm_before_a_linear_layer(rank, make):
    layer = make()
    layer.activation = keras.activations.tanh
    model = chain((*(6,) * rank, 4), BatchNorm(), layer)
    left = ("BatchNormalization",) if getattr(layer, "padding", "") == "same" else ()
    assert_folds(model, *left, type(layer).__name__)


def test_dense_on_vectors_and_none_sizes():
    model = chain((5,), layers.Dense(3), BatchNorm(scale=False), layers.Dense(2))
    assert_folds(model, "Dense", "Dense")
    model = chain((None, None, 2), layers.Conv2D(3, 3), BatchNorm(center=False))
    assert_folds(model, "Conv2D")
    model = chain((1, 1, 1), layers.Conv2D(1, 1), BatchNorm(axis=3))
    assert_folds(model, "Conv2D")


class OwnConv(layers.Conv2D):
    """A subclass, whose call may do anything."""


def lora():
    layer = layers.Conv2D(4, 3)
    layer.build((None, 6, 6, 3))
    layer.enable_lora(2)
    return layer


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Conv2D(4, 3, activation="relu"),
        lambda: layers.Conv2D(4, 3, kernel_constraint="non_neg"),
        lambda: layers.Conv2D(4, 3, autocast=False),
        lambda: OwnConv(4, 3),
        lora,
    ],
)
def test_left_alone(make):
    layer = make()
    model = chain((6, 6, 3), layer, BatchNorm())
    folded = assert_folds(model, type(layer).__name__, "BatchNormalization")
    assert folded.layers[1:] == model.layers[1:]


def test_quantized_is_left_alone():
    dense = layers.Dense(4)
    model = chain((6,), dense, BatchNorm())
    dense.quantize("int8")
    assert_folds(model, "Dense", "BatchNormalization")


def test_another_axis_and_training_are_left_alone():
    model = chain((6, 6, 3), layers.Conv2D(4, 3), BatchNorm(axis=1))
    assert_folds(model, "Conv2D", "BatchNormalization")
    norm, drop = BatchNorm(), layers.Dropout(0.5)
    model = chain(
        (6, 6, 3),
        layers.Conv2D(4, 3),
        lambda x: norm(x, training=True),
        lambda x: drop(x, training=True),
    )
    assert kinds(fold(model)) == ["Conv2D", "BatchNormalization", "Dropout"]
    model = chain((3,), lambda x: norm_of(layers.Dense(2)(x), training=False))
    assert_folds(model, "Dense")


def norm_of(x, **kwargs):
    return BatchNorm()(x, **kwargs)


def test_another_reader_of_the_convolution():
    inputs = keras.Input((6, 6, 3))
    x = layers.Conv2D(3, 3, padding="same")(inputs)
    y = BatchNorm()(x)
    assert_folds(model_of(inputs, [x, y]), "Conv2D", "BatchNormalization")
    added = layers.Add()([x, y])
    assert_folds(model_of(inputs, added), "Conv2D", "BatchNormalization", "Add")
    inputs = keras.Input((6, 6, 3))
    x = BatchNorm()(inputs)
    model = model_of(inputs, [x, layers.Conv2D(3, 3)(x)])
    assert_folds(model, "BatchNormalization", "Conv2D")
    model = model_of(inputs, [layers.Conv2D(3, 3)(x), layers.Conv2D(2, 2)(x)])
    assert_folds(model, "Conv2D", "Conv2D")


def test_a_mean_that_is_far_off_stays_where_it_is_precise():
    model = chain((5, 5, 2), BatchNorm(), layers.Conv2D(2, 3))
    model.layers[1].moving_mean.assign([1000.0, 0.0])
    assert kinds(fold(model)) == ["BatchNormalization", "Conv2D"]


def test_shared_layers():
    """One convolution before two norms becomes two; a pair used twice stays one."""
    conv, first, second = layers.Conv2D(3, 3, name="conv"), BatchNorm(), BatchNorm()
    a, b = keras.Input((6, 6, 3)), keras.Input((6, 6, 3))
    model = model_of([a, b], [first(conv(a)), second(conv(b)), conv(a)])
    folded = assert_folds(model, "InputLayer", "Conv2D", "Conv2D", "Conv2D")
    assert {layer.name for layer in folded.layers[2:]} == {"conv", "conv_1", "conv_2"}
    assert folded.get_layer("conv") is conv
    model = model_of([a, b], [first(conv(a)), first(conv(b))])
    folded = assert_folds(model, "InputLayer", "Conv2D")
    assert folded.layers[-1].name == "conv"
    assert folded.count_params() == conv.count_params()


def test_nested_models_stay_nested_and_shared():
    encoder = keras.Sequential(
        [keras.Input((6, 6, 3)), layers.Conv2D(2, 3), BatchNorm(), layers.Dropout(0.5)],
        name="encoder",
    )
    a, b = keras.Input((6, 6, 3)), keras.Input((6, 6, 3))
    outer = keras.Model(a, layers.Flatten()(encoder(a)), name="outer")
    model = model_of([a, b], layers.Concatenate()([outer(a), outer(b)]))
    folded = assert_folds(model, "InputLayer", "Functional", "Concatenate")
    inner = folded.get_layer("outer").get_layer("encoder")
    assert kinds(inner) == ["Conv2D"]
    assert kinds(encoder) == ["BatchNormalization", "Dropout"]
    kept = model_of(a, encoder(a, training=True))
    assert fold(kept).layers[1] is encoder


def test_nothing_to_fold_in_a_nested_model():
    inner = keras.Sequential([keras.Input((3,)), layers.Dense(2)])
    inputs = keras.Input((3,))
    assert fold(model_of(inputs, inner(inputs))).layers[1] is inner


IDLE = [
    layers.ActivityRegularization(0.1),
    layers.AlphaDropout(0.5),
    layers.Dropout(0.5),
    layers.GaussianDropout(0.5),
    layers.GaussianNoise(1.0),
    layers.Identity(),
    layers.SpatialDropout2D(0.5),
    layers.Activation("linear"),
]


def test_what_does_nothing_goes():
    model = chain((6, 6, 3), layers.ReLU(), *IDLE)
    assert_folds(model, "ReLU")
    model = chain((6, 6, 3), *IDLE)
    assert_folds(model)  # a model of an input alone


def test_what_casts_stays():
    model = chain((4,), layers.Dropout(0.5, dtype="mixed_float16"))
    assert fold(model)(images(4)).dtype == model(images(4)).dtype
    assert kinds(fold(model)) == ["Dropout"]


def test_statistics_that_no_weights_can_hold():
    """Broken, or too large or small: left alone, or folded; never a warning."""
    for policy in ("float32", "mixed_float16"):
        keras.config.set_dtype_policy(policy)
        steps = BatchNorm(), layers.ReLU(), layers.Conv2D(3, 1), BatchNorm()
        model = chain((4, 4, 3), layers.Identity(), *steps)
        before, after = steps[0], steps[3]
        after.moving_variance.assign([1.0, float("nan"), 1.0])
        before.gamma.assign([1e-30, 1.0, 1.0])
        assert kinds(fold(model)).count("BatchNormalization") == 2
        after.moving_variance.assign([1.0, -2.0, 1.0])
        assert kinds(fold(model)).count("BatchNormalization") == 2
    after.moving_variance.assign([1.0, 1.0, 1.0])
    after.gamma.assign([1.0, 1e6, 1.0])  # beyond float16
    assert kinds(fold(model)).count("BatchNormalization") == 2


def test_masks_pass():
    model = chain(
        (6,),
        layers.Embedding(5, 4, mask_zero=True),
        layers.Dropout(0.5),
        layers.Dense(4),
        BatchNorm(),
        layers.ReLU(),
        BatchNorm(),
        layers.ReLU(),
        layers.Dense(3),
        layers.LSTM(2),
    )
    folded = fold(model)
    assert kinds(folded).count("BatchNormalization") == 1
    ids = np.array([[1, 2, 0, 3, 0, 0], [0, 0, 4, 4, 1, 0]])
    np.testing.assert_allclose(*arrays([folded(ids), model(ids)]), atol=1e-6)


def test_around_relu_a_bound_remains():
    """By the sign of each scale an upper one or a lower one."""
    for signs, expected in (
        ([1, 1, 1], ["Maximum"]),
        ([-1, -1, -1], ["Minimum"]),
        ([1, -1, 1], ["Minimum", "Maximum"]),
    ):
        model = chain((5, 5, 3), BatchNorm(), layers.ReLU(), layers.Conv2D(4, 2))
        model.layers[1].gamma.assign(np.array(signs, "float32"))
        folded = assert_folds(model, "Conv2D")
        found = [type(operation).__name__ for operation in folded.operations]
        assert found[1:-1] == expected
    model.layers[1].gamma.assign([1.0, 0.0, 1.0])
    assert_folds(model, "BatchNormalization", "ReLU", "Conv2D")


def test_operations_have_names_of_their_own():
    relu = layers.ReLU(name="relu")
    inputs = keras.Input((3,))
    x = layers.Dense(3)(relu(BatchNorm()(inputs)))
    y = layers.Dense(3)(relu(BatchNorm()(x)))
    folded = assert_folds(model_of(inputs, relu(y)), "Dense", "ReLU", "Dense")
    names = [operation.name for operation in folded.operations]
    assert len(set(names)) == len(names)


def test_through_pooling_and_concatenation():
    inputs = keras.Input((6, 6, 3))
    left = layers.AveragePooling2D(2)(layers.Conv2D(2, 3, padding="same")(inputs))
    right = layers.MaxPooling2D(2)(layers.Conv2D(1, 1)(inputs))
    model = model_of(inputs, BatchNorm()(layers.Concatenate()([left, right])))
    model.layers[-1].gamma.assign([1.0, -1.0, 2.0])
    assert "BatchNormalization" not in kinds(fold(model))
    assert_equal(fold(model)(images(6, 6, 3)), fold(model)(images(6, 6, 3)))
    model.layers[-1].gamma.assign([1.0, -1.0, -2.0])  # a maximum becomes a minimum
    assert "BatchNormalization" in kinds(fold(model))


def test_pooling_and_pointwise_convolution_change_places():
    narrow, wide = layers.Conv2D(2, 1), layers.Conv2D(8, 1)
    pool = layers.AveragePooling2D(3, strides=1, padding="same")
    assert_folds(chain((5, 5, 4), pool, narrow), "Conv2D", "AveragePooling2D")
    assert_folds(chain((5, 5, 4), pool, wide), "AveragePooling2D", "Conv2D")
    halve = layers.AveragePooling2D(2, padding="same")
    conv = layers.Conv2D(8, 1)
    assert_folds(chain((5, 5, 4), conv, halve), "AveragePooling2D", "Conv2D")
    norm = BatchNorm()
    steps = conv, lambda x: norm(x, training=False), halve
    assert_folds(chain((5, 5, 4), *steps), "AveragePooling2D", "Conv2D")
    tanh = layers.Conv2D(8, 1, activation="tanh")
    assert_folds(chain((5, 5, 4), tanh, halve), "Conv2D", "AveragePooling2D")


@pytest.mark.parametrize(
    ("size", "padding", "inside"),
    [
        ((6, 6), ((0, 1), (0, 1)), True),
        ((7, 7), ((1, 1), (1, 1)), True),
        ((7, 6), ((1, 1), (0, 1)), True),
        ((6, 6), ((1, 1), (1, 1)), False),
        ((None, 6), ((0, 1), (0, 1)), False),
    ],
)
def test_padding_goes_into_a_convolution_that_would_lay_the_same(size, padding, inside):
    conv = layers.DepthwiseConv2D(3, strides=2)
    model = chain((*size, 2), layers.ZeroPadding2D(padding), conv, BatchNorm())
    expected = () if inside else ("ZeroPadding2D",)
    assert_folds(model, *expected, "DepthwiseConv2D")


@pytest.mark.skipif(
    keras.backend.backend() == "tensorflow", reason="not on TensorFlow's CPU"
)
def test_channels_first():
    keras.config.set_image_data_format("channels_first")
    inputs = keras.Input((3, 6, 6))
    x = BatchNorm(axis=1)(
        layers.Conv2D(4, 3, strides=2)(layers.ZeroPadding2D(1)(inputs))
    )
    y = BatchNorm(axis=-3)(layers.ReLU()(x))
    y = layers.AveragePooling2D(2)(layers.Conv2D(2, 1)(y))
    assert_folds(
        model_of(inputs, y),
        *("ZeroPadding2D", "Conv2D", "ReLU", "AveragePooling2D", "Conv2D"),
    )
    model = model_of(inputs, BatchNorm()(layers.Conv2D(4, 3)(inputs)))
    assert_folds(model, "Conv2D", "BatchNormalization")


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(policy):
    keras.config.set_dtype_policy(policy)
    steps = BatchNorm(), layers.ReLU(), layers.Conv2D(3, 1)
    model = chain((6, 6, 3), layers.Conv2D(3, 3), BatchNorm(), layers.ReLU(), *steps)
    folded = fold(model)
    assert folded.output.dtype == model.output.dtype
    assert [kind for kind in kinds(folded) if kind == "Conv2D"] == ["Conv2D"] * 2
    ours, theirs = arrays([folded(images(6, 6, 3)), model(images(6, 6, 3))])
    precision = 2**-8 if policy == "mixed_float16" else 2**-5
    np.testing.assert_allclose(ours, theirs, atol=precision * np.abs(theirs).max())


def test_structures_blocks_and_files(tmp_path):
    """Dicts in and out; of blocks nothing is left; the file says so too."""
    inputs = {
        "b": keras.Input((8, 8, 3), name="b"),
        "a": keras.Input((8, 8, 3), name="a"),
    }
    encoder = kb.SiameseEncoder(
        [kb.ResidualBlock(4, normalization="batch"), layers.Flatten()]
    )
    heads = kb.MultiHeadOutput(
        {"y": kb.heads.Regression(), "z": kb.heads.Binary(hidden=[3])}
    )
    x = layers.Dropout(0.5)(encoder([inputs["a"], inputs["b"]]))
    model = model_of(inputs, heads(x))
    folded = fold(model)
    assert "kerasblocks" not in json.dumps(folded.get_config())
    assert not any(isinstance(x, BatchNorm) for x in folded._flatten_layers())
    data = {"a": images(8, 8, 3), "b": images(8, 8, 3) + 1}
    outputs = folded(data)
    assert list(outputs) == list(model(data))
    for name, theirs in model(data).items():
        np.testing.assert_allclose(*arrays([outputs[name], theirs]), atol=1e-5)
    folded.save(tmp_path / "folded.keras")
    assert_equal(keras.models.load_model(tmp_path / "folded.keras")(data), outputs)


def test_the_model_itself_is_not_changed():
    conv = layers.Conv2D(3, 3, kernel_regularizer="l2", name="conv")
    model = chain((6, 6, 3), conv, BatchNorm(trainable=False), layers.ReLU())
    model.compile("sgd", lambda y, z: keras.ops.mean(y - z))
    before, config = model.get_weights(), json.dumps(model.get_config())
    folded = fold(model)
    assert folded.losses == []
    assert json.dumps(model.get_config()) == config
    for value, now in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(value, now)
    assert model.layers[1] is conv is not folded.get_layer("conv")
    assert model.layers[3] is folded.layers[2]


def test_errors():
    with pytest.raises(TypeError, match=r"fold: 'model' must be a Keras model, got 3"):
        fold(3)
    with pytest.raises(ValueError, match="fold: the model 'm' is not built; begin it"):
        fold(keras.Sequential([layers.Dense(1)], name="m"))

    class Own(keras.Model):
        def call(self, x):
            return x

    with pytest.raises(ValueError, match=r"fold: .* must be Functional or Sequential"):
        fold(Own())
