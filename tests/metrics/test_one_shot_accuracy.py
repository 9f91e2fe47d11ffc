"""One-shot accuracy against brute force over all episodes."""

import itertools
import math
import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasblocks as kb


def brute_force(embeddings, labels, ways, distance):
    """The mean over queries, partners, choices of classes, and samples of them."""
    queries = []
    for query, label in enumerate(labels):
        others = sorted(set(labels) - {label})
        partners = []
        for own in range(len(labels)):
            if own == query or labels[own] != label:
                continue
            choices = []
            for classes in itertools.combinations(others, ways - 1):
                samples = [
                    [i for i, other in enumerate(labels) if other == name]
                    for name in classes
                ]
                episodes = [
                    all(
                        distance(embeddings[query], embeddings[i])
                        > distance(embeddings[query], embeddings[own])
                        for i in chosen
                    )
                    for chosen in itertools.product(*samples)
                ]
                choices.append(sum(episodes) / len(episodes))
            if choices:
                partners.append(sum(choices) / len(choices))
        if partners:
            queries.append(sum(partners) / len(partners))
    return sum(queries) / len(queries) if queries else None


@st.composite
def small_sets(draw):
    size = draw(st.integers(1, 8))
    labels = draw(st.lists(st.integers(0, 3), min_size=size, max_size=size))
    vector = st.tuples(st.integers(-3, 3), st.integers(-3, 3))
    return draw(st.lists(vector, min_size=size, max_size=size)), labels


@given(small_sets(), st.integers(2, 4))
def test_brute_force(samples, ways):
    embeddings, labels = samples
    expected = brute_force(embeddings, labels, ways, math.dist)
    metric = kb.metrics.OneShotAccuracy(ways)
    metric.update_state(np.array(labels), np.array(embeddings, "float32"))
    if expected is None:
        assert np.isnan(float(metric.result()))
        with pytest.raises(ValueError, match="one_shot_accuracy: "):
            kb.metrics.one_shot_accuracy(embeddings, labels, ways)
    else:
        assert float(metric.result()) == pytest.approx(expected, abs=1e-6)
        whole = kb.metrics.one_shot_accuracy(embeddings, labels, ways)
        assert whole == pytest.approx(expected)


@pytest.mark.parametrize("distance", ["euclidean", "cosine"])
@pytest.mark.parametrize("ways", [2, 5, 20])
def test_metric_and_function_agree(distance, ways):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 25, 120)
    embeddings = rng.standard_normal((120, 4)) + labels[:, None] / 3
    whole = kb.metrics.one_shot_accuracy(embeddings, labels, ways, distance)
    metric = kb.metrics.OneShotAccuracy(ways, distance)
    assert float(metric(labels, embeddings)) == pytest.approx(whole, abs=1e-5)
    assert 1 / ways < whole < 1


def test_noise_scores_as_chance():
    rng = np.random.default_rng(0)
    embeddings, labels = rng.standard_normal((400, 3)), np.arange(400) % 10
    score = kb.metrics.one_shot_accuracy(embeddings, labels, 5)
    assert score == pytest.approx(1 / 5, abs=0.02)


def test_images_are_taken_as_vectors():
    rng = np.random.default_rng(0)
    images, labels = rng.random((30, 4, 4, 1)), np.arange(30) % 5
    flat = kb.metrics.one_shot_accuracy(images.reshape(30, 16), labels, 3)
    assert kb.metrics.one_shot_accuracy(images, labels, 3) == flat
    assert kb.metrics.one_shot_accuracy(images, labels.astype(str), 3) == flat


def test_the_mean_over_samples_of_all_batches():
    rng = np.random.default_rng(0)
    embeddings, labels = rng.standard_normal((12, 2)), np.repeat([0, 1, 2], 4)
    metric = kb.metrics.OneShotAccuracy(2)
    scores = []
    for batch in (slice(0, 6), slice(4, 12)):
        x, y = embeddings[batch], labels[batch]
        metric.update_state(y, x)
        scores += [kb.metrics.one_shot_accuracy(x, y, 2)] * len(y)
    assert float(metric.result()) == pytest.approx(np.mean(scores), abs=1e-6)
    metric.reset_state()
    assert np.isnan(float(metric.result()))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: kb.metrics.OneShotAccuracy(1),
            "OneShotAccuracy: 'ways' must be an int of 2 or more, got 1",
        ),
        (
            lambda: kb.metrics.one_shot_accuracy(np.eye(4), [0, 0, 1, 1], 3),
            "one_shot_accuracy: 'ways' must be at most the number of classes, 2, got 3",
        ),
        (
            lambda: kb.metrics.one_shot_accuracy(np.eye(4), [0, 1, 2, 3], 3),
            "one_shot_accuracy: no class in 'labels' has two samples",
        ),
        (
            lambda: kb.metrics.one_shot_accuracy(np.eye(4), [0, 1, 2], 3),
            "one_shot_accuracy: there must be one label for each embedding, got 3 "
            "labels and 4 embeddings",
        ),
        (
            lambda: kb.metrics.one_shot_accuracy(np.eye(4), [0] * 4, 2, "cosin"),
            "one_shot_accuracy: 'distance' must be one of 'euclidean', 'cosine', got "
            "'cosin'; did you mean 'cosine'?",
        ),
        (
            lambda: kb.metrics.OneShotAccuracy()(np.eye(4), np.eye(4)),
            "OneShotAccuracy: the labels must have shape (batch,) or (batch, 1)",
        ),
    ],
)
def test_errors(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()


def test_config_round_trip():
    metric = kb.metrics.OneShotAccuracy(3, name="mine", dtype="float16")
    again = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(metric)
    )
    assert again.get_config() == metric.get_config()
    assert (again.ways, again.name, again.dtype) == (3, "mine", "float16")
