"""`fold`: batch normalization goes into the layers around it."""

import keras
import numpy as np
import pytest
from keras import layers

from kerasblocks.inspect.fold import fold
from tests.inspect.fold.checks import (
    BatchNorm,
    assert_folds,
    chain,
    images,
    kinds,
    model_of,
    norm_of,
)
from tests.table import assert_equal

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
