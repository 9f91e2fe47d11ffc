"""Section 7.1.2: a text and a question in, one of 500 answers out."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import assert_twins, run, transfer

TEXT_VOCABULARY = QUESTION_VOCABULARY = 10_000
ANSWERS = 500
SAMPLES = 16
LOSS = {"loss": "categorical_crossentropy"}


def book_model():
    text_input = keras.Input((None,), dtype="int32", name="text")
    embedded_text = layers.Embedding(TEXT_VOCABULARY, 64)(text_input)
    encoded_text = layers.LSTM(32)(embedded_text)

    question_input = keras.Input((None,), dtype="int32", name="question")
    embedded_question = layers.Embedding(QUESTION_VOCABULARY, 32)(question_input)
    encoded_question = layers.LSTM(16)(embedded_question)

    concatenated = layers.concatenate([encoded_text, encoded_question], axis=-1)
    answer = layers.Dense(ANSWERS, activation="softmax")(concatenated)
    return keras.Model([text_input, question_input], answer)


def our_model():
    text_input = keras.Input((None,), dtype="int32", name="text")
    question_input = keras.Input((None,), dtype="int32", name="question")
    text = kb.Chain([layers.Embedding(TEXT_VOCABULARY, 64), layers.LSTM(32)])
    question = kb.Chain([layers.Embedding(QUESTION_VOCABULARY, 32), layers.LSTM(16)])
    merged = layers.concatenate([text(text_input), question(question_input)])
    assert merged.shape == (None, 48)
    answer = layers.Dense(ANSWERS, activation="softmax")(merged)
    return keras.Model([text_input, question_input], answer)


def reading_order(arrays):
    """Keras alternates between the book's two columns of layers; we do not."""
    embed_text, embed_question, *rest = arrays.values()
    text, question, dense = rest[:3], rest[3:6], rest[6:]
    return [embed_text, *text, embed_question, *question, *dense]


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    text = rng.integers(1, TEXT_VOCABULARY, (SAMPLES, 30))
    question = rng.integers(1, QUESTION_VOCABULARY, (SAMPLES, 8))
    answers = np.eye(ANSWERS, dtype="float32")[rng.integers(0, ANSWERS, SAMPLES)]
    return text, question, answers


def test_equal_outputs_and_gradients(data):
    text, question, answers = data
    assert_twins(
        book_model(), our_model(), [text, question], answers, reading_order, **LOSS
    )


def test_fitted_with_lists_and_with_dicts(data):
    text, question, answers = data
    by_list = [text, question]
    by_name = {"question": question, "text": text}
    book, ours = book_model(), our_model()
    transfer(book, ours, reading_order)

    for model in (book, ours):
        model.compile(keras.optimizers.SGD(1.0), jit_compile=False, **LOSS)
    start = {model: model.get_weights() for model in (book, ours)}

    def fit(model, x):
        model.set_weights(start[model])
        history = model.fit(
            x, answers, epochs=3, batch_size=8, shuffle=False, verbose=0
        ).history
        return history["loss"], run(model, by_list)

    losses, outputs = fit(book, by_list)
    assert losses[2] < losses[1] < losses[0]
    for model, x in ((book, by_name), (ours, by_list), (ours, by_name)):
        again, same_outputs = fit(model, x)
        np.testing.assert_allclose(again, losses, rtol=1e-4)
        np.testing.assert_allclose(same_outputs, outputs, rtol=1e-3, atol=1e-6)
