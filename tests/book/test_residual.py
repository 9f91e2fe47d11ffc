"""Section 7.1.4: residual connections, where sizes agree and where they do not."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import after_a_stem, assert_twins, random, run

MSE = {"loss": "mean_squared_error"}


def conv(filters=128):
    return layers.Conv2D(filters, 3, padding="same", activation="relu")


def book_identity_residual(x):
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(x)
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(y)
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(y)
    return layers.add([y, x])


@pytest.mark.parametrize(
    "make",
    [
        lambda: kb.Residual([conv(), conv(), conv()]),
        lambda: kb.ResidualBlock(128, depth=3, order="book", normalization=None),
    ],
    ids=["Residual", "ResidualBlock"],
)
def test_identity_residual(make):
    block = make()
    ours = after_a_stem((14, 14, 128), block)
    assert block.projection is None
    assert block.count_params() == 3 * (3 * 3 * 128 * 128 + 128)
    assert_twins(
        after_a_stem((14, 14, 128), book_identity_residual),
        ours,
        random(2, 14, 14, 128),
        random(2, 14, 14, 128, seed=1),
        **MSE,
    )


def book_linear_residual(x):
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(x)
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(y)
    y = layers.MaxPooling2D(2, strides=2)(y)
    residual = layers.Conv2D(128, 1, strides=2, padding="same")(x)
    return layers.add([y, residual])


def rounding_down():
    return kb.Residual([conv(), conv(), layers.MaxPooling2D(2, strides=2)])


def rounding_up():
    branch = [(128, 3), (128, 3), ("max", 2, 2)]
    return kb.ResidualBlock(branch=branch, order="book", normalization=None)


@pytest.mark.parametrize("make", [rounding_down, rounding_up])
@pytest.mark.parametrize("size", [16, None])
def test_linear_residual_on_even_sizes(make, size):
    assert_twins(
        after_a_stem((size, size, 64), book_linear_residual),
        after_a_stem((size, size, 64), make()),
        random(2, 16, 16, 64),
        random(2, 8, 8, 128, seed=1),
        **MSE,
    )


def test_the_linear_residual_of_the_book_fails_on_odd_sizes():
    with pytest.raises(ValueError, match=r"8, 8, 128.*9, 9, 128"):
        book_linear_residual(keras.Input((17, 17, 64)))

    unknown = keras.Input((None, None, 64))
    book = keras.Model(unknown, book_linear_residual(unknown))
    # The error is the backend's own.
    with pytest.raises(Exception, match=r"(?s)8.*9"):
        book(random(1, 17, 17, 64))

    # Size 3 is pooled to 1 and convolved to 2: the sum is broadcast, without a word.
    assert book(random(1, 3, 3, 64)).shape == (1, 2, 2, 128)


def book_cropped(x):
    """The book's, made to fit: the shortcut leaves out what the pooling does."""
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(x)
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(y)
    y = layers.MaxPooling2D(2, strides=2)(y)
    residual = layers.Cropping2D(((0, 1), (0, 1)))(x)
    residual = layers.Conv2D(128, 1, strides=2, padding="same")(residual)
    return layers.add([y, residual])


def book_padded(x):
    """The book's, made to fit: the pooling pads as the shortcut does."""
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(x)
    y = layers.Conv2D(128, 3, activation="relu", padding="same")(y)
    y = layers.MaxPooling2D(2, strides=2, padding="same")(y)
    residual = layers.Conv2D(128, 1, strides=2, padding="same")(x)
    return layers.add([y, residual])


@pytest.mark.parametrize(
    ("make", "by_hand", "out"),
    [(rounding_down, book_cropped, 8), (rounding_up, book_padded, 9)],
)
@pytest.mark.parametrize("size", [17, None])
def test_linear_residual_on_odd_sizes(make, by_hand, out, size):
    assert_twins(
        after_a_stem((size, size, 64), by_hand),
        after_a_stem((size, size, 64), make()),
        random(2, 17, 17, 64),
        random(2, out, out, 128, seed=1),
        **MSE,
    )


@pytest.mark.parametrize("make", [rounding_down, rounding_up])
def test_one_linear_residual_takes_every_size(make):
    x = keras.Input((None, None, 4))
    model = keras.Model(x, make()(x))
    path = keras.Sequential(model.layers[-1].branch_layer.layers)
    for size in range(2, 12):
        values = random(1, size, size + 1, 4)
        outputs = run(model, values)
        assert outputs.shape == run(path, values).shape
        assert np.all(np.isfinite(outputs))
