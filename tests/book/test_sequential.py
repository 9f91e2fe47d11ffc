"""Sections 7.1 and 7.1.1: Sequential, functional, and what cannot be a model."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import assert_twins, random


def three_dense():
    return [
        layers.Dense(32, activation="relu"),
        layers.Dense(32, activation="relu"),
        layers.Dense(10, activation="softmax"),
    ]


def book_sequential():
    model = keras.Sequential()
    model.add(keras.Input((64,)))
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dense(32, activation="relu"))
    model.add(layers.Dense(10, activation="softmax"))
    return model


def book_functional():
    input_tensor = keras.Input((64,))
    x = layers.Dense(32, activation="relu")(input_tensor)
    x = layers.Dense(32, activation="relu")(x)
    output_tensor = layers.Dense(10, activation="softmax")(x)
    return keras.Model(input_tensor, output_tensor)


def chain_sequential():
    return keras.Sequential([keras.Input((64,)), kb.Chain(three_dense())])


def chain_functional():
    input_tensor = keras.Input((64,))
    return keras.Model(input_tensor, kb.Chain(three_dense())(input_tensor))


@pytest.mark.parametrize("book", [book_sequential, book_functional])
@pytest.mark.parametrize("ours", [chain_sequential, chain_functional])
def test_sequential_against_functional(book, ours):
    book, ours = book(), ours()
    assert book.count_params() == ours.count_params() == 3466
    assert ours.output_shape == (None, 10)
    x, y = random(20, 64), np.eye(10, dtype="float32")[np.arange(20) % 10]
    assert_twins(book, ours, x, y, loss="categorical_crossentropy")


def book_cnn():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(2),
            layers.Dropout(0.5, seed=7),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def our_cnn():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            kb.ConvBlock(32, 3, normalization=None),
            kb.ConvBlock(64, 3, normalization=None),
            kb.Pooling("max", 2),
            kb.ConvBlock(64, 3, normalization=None),
            kb.Pooling("max", 2),
            layers.Dropout(0.5, seed=7),
            layers.Flatten(),
            layers.Dense(10, activation="softmax"),
        ]
    )


def test_small_cnn():
    book, ours = book_cnn(), our_cnn()
    assert ours.output_shape == (None, 10)
    x, y = random(8, 28, 28, 1), np.arange(8)
    assert_twins(book, ours, x, y, loss="sparse_categorical_crossentropy")


def stems(x):
    yield layers.Dense(32, activation="relu")(x)
    yield kb.Chain([layers.Dense(32, activation="relu")])(x)
    yield kb.Residual(layers.Dense(64))(x)
    yield kb.Parallel([layers.Dense(8), []])(x)
    yield kb.SiameseEncoder(layers.Dense(8))([x, x])
    yield kb.MultiHeadOutput({"age": kb.heads.Regression(), "sex": kb.heads.Binary()})(
        x
    )


def test_an_unrelated_input_gives_the_error_that_keras_gives():
    unrelated = keras.Input((32,))
    for output in stems(keras.Input((64,))):
        with pytest.raises(ValueError, match="is not connected to `inputs`"):
            keras.Model(unrelated, output)
