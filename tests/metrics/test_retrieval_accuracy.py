import math
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasblocks as kb
from tests.metrics.test_one_shot_accuracy import small_sets


def brute_force(embeddings, labels, k):
    """Of the others, the worst of all orders by distance decides."""
    hits = []
    for query, label in enumerate(labels):
        others = [
            (math.dist(embeddings[query], embeddings[i]), labels[i] == label)
            for i in range(len(labels))
            if i != query
        ]
        right = [same for _, same in sorted(others)]  # wrong ones first, in a tie
        if any(right) and right.count(False) >= k:
            hits.append(any(right[:k]))
    return sum(hits) / len(hits) if hits else None


@given(small_sets(), st.integers(1, 3))
def test_brute_force(samples, k):
    embeddings, labels = samples
    expected = brute_force(embeddings, labels, k)
    metric = kb.metrics.RetrievalAccuracy(k)
    metric.update_state(np.array(labels), np.array(embeddings, "float32"))
    if expected is None:
        assert np.isnan(float(metric.result()))
    else:
        assert float(metric.result()) == pytest.approx(expected)


def test_weights_of_samples():
    labels, embeddings = np.array([1, 1, 2, 2]), np.array([[0.0], [1], [3], [9]])
    metric = kb.metrics.RetrievalAccuracy()
    right = [1.0, 1.0, 0.0, 1.0]
    for weights in ([1, 1, 1, 1], [1, 2, 3, 4], [0, 0, 1, 0]):
        metric.reset_state()
        metric.update_state(labels[:, None], embeddings, sample_weight=weights)
        expected = np.average(right, weights=weights)
        assert float(metric.result()) == pytest.approx(expected)


def test_errors():
    message = "RetrievalAccuracy: 'k' must be a positive int, got 0"
    with pytest.raises(ValueError, match=re.escape(message)):
        kb.metrics.RetrievalAccuracy(0)
    message = "RetrievalAccuracy: 'distance' must be one of"
    with pytest.raises(ValueError, match=re.escape(message)):
        kb.metrics.RetrievalAccuracy(distance="dot")
