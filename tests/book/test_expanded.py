"""What `kb.expand` makes of our models is, layer for layer, what the book writes."""

from collections import Counter

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book import (
    test_inception,
    test_posts,
    test_question_answering,
    test_residual,
    test_sequential,
    test_siamese,
)
from tests.book.twins import random, run


def on(shape, block):
    x = keras.Input(shape)
    return keras.Model(x, block(x))


def inception():
    shape = (28, 28, 256)
    ours = kb.Parallel(test_inception.as_paths())
    return on(shape, test_inception.book), on(shape, ours)


def linear_residual():
    # Keras merges two tensors as `layers.add`, the layer `Add`.
    shape = (16, 16, 64)
    ours = test_residual.rounding_down()
    return on(shape, test_residual.book_linear_residual), on(shape, ours)


def sentences():
    return test_siamese.book_sentences(), test_siamese.our_sentences()


def questions():
    return test_question_answering.book_model(), test_question_answering.our_model()


def dense():
    return test_sequential.book_functional(), test_sequential.chain_functional()


def kinds(model):
    return Counter(type(layer) for layer in model.layers)


@pytest.mark.parametrize(
    "pair", [dense, inception, linear_residual, sentences, questions]
)
def test_layer_for_layer_the_model_of_the_book(pair):
    book, ours = pair()
    expanded = kb.expand(ours)
    assert kinds(expanded) == kinds(book) != kinds(ours)
    assert {id(w) for w in expanded.weights} == {id(w) for w in ours.weights}


def test_a_model_with_a_list_of_named_outputs_takes_lists_and_dicts():
    """As in the book: either form, on one model, for the same loss."""
    model = kb.expand(test_posts.our_model(list))
    assert model.output_names == ["heads__age", "heads__income", "heads__gender"]
    posts = test_posts.make_posts()

    def loss(form):
        model.compile(
            loss=form(test_posts.LOSSES), loss_weights=form(test_posts.WEIGHTS)
        )
        targets = form(test_posts.make_targets())
        return model.evaluate(posts, targets, verbose=0, return_dict=True)["loss"]

    def by_output_name(values):
        return {f"heads__{name}": values[name] for name in test_posts.OTHER_ORDER}

    outputs = dict(zip(test_posts.NAMES, run(model, posts), strict=True))
    by_hand = test_posts.losses_by_hand(outputs, test_posts.make_targets())
    expected = pytest.approx(test_posts.total(by_hand), rel=1e-4)
    assert loss(test_posts.in_list) == expected
    assert loss(by_output_name) == expected


def test_the_features_inside_a_module_are_within_reach():
    _, ours = inception()
    expanded = kb.expand(ours)
    merged = expanded.layers[-1]
    assert isinstance(merged, layers.Concatenate)
    branches = keras.Model(expanded.input, merged.input)
    values = random(1, 28, 28, 256)
    np.testing.assert_array_equal(
        np.concatenate(run(branches, values), axis=-1), run(ours, values)
    )
