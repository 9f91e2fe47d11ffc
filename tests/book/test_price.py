"""Section 7.1.2: the price of a second-hand piece of clothing.

The book describes the model and draws it: metadata (the brand, the size, the age), a
text and a picture, each with a module of its own, and a merge.
"""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import assert_twins, random, run, transfer

WORDS, SAMPLES = 500, 12
LOSS = {"loss": "mse"}
READING_ORDER = ("embed", "read", "dense", "look_1", "look_2", "price")


def make_inputs():
    text = keras.Input((None,), dtype="int32", name="text")
    metadata = keras.Input((6,), name="metadata")
    picture = keras.Input((16, 16, 3), name="picture")
    return [text, metadata, picture]


def book_model():
    text, metadata, picture = inputs = make_inputs()
    described = layers.Embedding(WORDS, 16, name="embed")(text)
    described = layers.LSTM(12, name="read")(described)

    known = layers.Dense(8, activation="relu", name="dense")(metadata)

    seen = layers.Conv2D(4, 3, activation="relu", name="look_1")(picture)
    seen = layers.MaxPooling2D(2)(seen)
    seen = layers.Conv2D(8, 3, activation="relu", name="look_2")(seen)
    seen = layers.GlobalAveragePooling2D()(seen)

    merged = layers.concatenate([described, known, seen], axis=-1)
    price = layers.Dense(1, name="price")(merged)
    return keras.Model(inputs, price)


def our_model(as_list=False):
    encoders = {
        "text": [layers.Embedding(WORDS, 16), layers.LSTM(12)],
        "metadata": layers.Dense(8, activation="relu"),
        "picture": [
            layers.Conv2D(4, 3, activation="relu"),
            layers.MaxPooling2D(2),
            layers.Conv2D(8, 3, activation="relu"),
            layers.GlobalAveragePooling2D(),
        ],
    }
    inputs = make_inputs()
    if as_list:
        merged = kb.MultiInput(list(encoders.values()))(inputs)
    else:
        merged = kb.MultiInput(encoders)({one.name: one for one in inputs})
    assert merged.shape == (None, 12 + 8 + 8)
    return keras.Model(inputs, layers.Dense(1)(merged))


def reading_order(arrays):
    """Keras goes through the book's three columns side by side; we do not."""
    return [
        array
        for name in READING_ORDER
        for path, array in arrays.items()
        if path.split("/")[0] == name
    ]


@pytest.fixture
def data():
    text = np.random.default_rng(0).integers(1, WORDS, (SAMPLES, 9))
    x = [text, random(SAMPLES, 6, seed=1), random(SAMPLES, 16, 16, 3, seed=2)]
    return x, random(SAMPLES, 1, seed=3)


@pytest.mark.parametrize("as_list", [False, True], ids=["dict", "list"])
def test_equal_outputs_and_gradients(data, as_list):
    x, prices = data
    ours = our_model(as_list)
    assert_twins(book_model(), ours, x, prices, reading_order, **LOSS)


def test_fitted_with_lists_and_with_dicts(data):
    by_list, prices = data
    names = ("text", "metadata", "picture")
    by_name = dict(reversed(list(zip(names, by_list, strict=True))))
    book, ours = book_model(), our_model()
    transfer(book, ours, reading_order)
    start = {model: model.get_weights() for model in (book, ours)}
    results = []
    for model in (book, ours):
        model.compile(keras.optimizers.SGD(0.1), jit_compile=False, **LOSS)
        for x in (by_list, by_name):
            model.set_weights(start[model])
            fitted = model.fit(
                x, prices, epochs=3, batch_size=6, shuffle=False, verbose=0
            )
            results.append((fitted.history["loss"], run(model, by_list)))
    losses, outputs = results[0]
    assert losses[2] < losses[0]
    for other_losses, other_outputs in results[1:]:
        np.testing.assert_allclose(other_losses, losses, rtol=1e-4)
        np.testing.assert_allclose(other_outputs, outputs, rtol=1e-3, atol=1e-6)
