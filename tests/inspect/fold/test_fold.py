"""`fold` on whole models; random ones are in `test_random_graphs.py`."""

import json

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from kerasblocks.inspect.fold import fold
from tests.inspect.fold.checks import (
    BatchNorm,
    assert_folds,
    chain,
    images,
    kinds,
    model_of,
)
from tests.table import arrays, assert_equal


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


def test_operations_have_names_of_their_own():
    relu = layers.ReLU(name="relu")
    inputs = keras.Input((3,))
    x = layers.Dense(3)(relu(BatchNorm()(inputs)))
    y = layers.Dense(3)(relu(BatchNorm()(x)))
    folded = assert_folds(model_of(inputs, relu(y)), "Dense", "ReLU", "Dense")
    names = [operation.name for operation in folded.operations]
    assert len(set(names)) == len(names)


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
