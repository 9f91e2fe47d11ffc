"""Sections 7.1.5 and 7.1.6: layers and models used twice."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import (
    INEXACT,
    assert_same_gradients,
    assert_twins,
    gradients,
    random,
    run,
    transfer,
)

BINARY = {"loss": "binary_crossentropy"}


def book_sentences():
    lstm = layers.LSTM(32)
    left_input = keras.Input((None, 128))
    left_output = lstm(left_input)
    right_input = keras.Input((None, 128))
    right_output = lstm(right_input)
    merged = layers.concatenate([left_output, right_output], axis=-1)
    predictions = layers.Dense(1, activation="sigmoid")(merged)
    return keras.Model([left_input, right_input], predictions)


def our_sentences(**options):
    left_input, right_input = keras.Input((None, 128)), keras.Input((None, 128))
    siamese = kb.SiameseEncoder(layers.LSTM(32), name="siamese", **options)
    merged = siamese([left_input, right_input])
    assert merged.shape == (None, 64)
    assert siamese.count_params() == siamese.encoder.count_params() == 20_608
    predictions = layers.Dense(1, activation="sigmoid")(merged)
    return keras.Model([left_input, right_input], predictions)


def test_shared_lstm():
    pair = [random(4, 11, 128), random(4, 7, 128, seed=1)]
    targets = np.array([[0], [1], [1], [0]])
    assert_twins(book_sentences(), our_sentences(), pair, targets, **BINARY)


def test_shared_lstm_in_one_call_of_both_inputs():
    book, ours = book_sentences(), our_sentences(stacked=True)
    pair = [random(4, 11, 128), random(4, 11, 128, seed=1)]
    targets = np.array([[0], [1], [1], [0]])
    transfer(book, ours)
    np.testing.assert_allclose(run(ours, pair), run(book, pair), **INEXACT)
    assert_same_gradients(
        gradients(book, pair, targets, **BINARY),
        gradients(ours, pair, targets, **BINARY),
    )


def test_training_moves_the_one_set_of_weights():
    model = our_sentences()
    pair = [random(8, 5, 128), random(8, 5, 128, seed=1)]
    targets = np.arange(8) % 2
    before = model.get_layer("siamese").encoder.get_weights()
    model.compile("rmsprop", **BINARY)
    losses = model.fit(pair, targets, epochs=5, verbose=0).history["loss"]
    after = model.get_layer("siamese").encoder.get_weights()
    assert losses[-1] < losses[0]
    assert all(np.any(old != new) for old, new in zip(before, after, strict=True))
    assert len(model.weights) == 3 + 2


@pytest.mark.slow
def test_two_cameras():
    xception_base = keras.applications.Xception(weights=None, include_top=False)
    left_input = keras.Input((250, 250, 3))
    right_input = keras.Input((250, 250, 3))

    left_features = xception_base(left_input)
    right_features = xception_base(right_input)
    merged_features = layers.concatenate([left_features, right_features], axis=-1)

    siamese = kb.SiameseEncoder(xception_base)
    ours = siamese([left_input, right_input])
    assert ours.shape == merged_features.shape == (None, 8, 8, 4096)
    assert siamese.encoder is xception_base
    assert siamese.count_params() == xception_base.count_params() == 20_861_480

    distance = layers.Dense(1)  # shared, as the base is
    cameras = [left_input, right_input]
    book = keras.Model(cameras, distance(merged_features))
    ours = keras.Model(cameras, distance(ours))
    pair = [random(1, 250, 250, 3), random(1, 250, 250, 3, seed=1)]
    np.testing.assert_array_equal(run(ours, pair), run(book, pair))
    targets = random(1, 8, 8, 1)
    assert_same_gradients(
        gradients(book, pair, targets, loss="mean_squared_error"),
        gradients(ours, pair, targets, loss="mean_squared_error"),
    )
