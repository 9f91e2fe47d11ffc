import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasblocks as kb


@given(st.data())
def test_so_many_samples_of_so_many_classes(data):
    sizes = data.draw(st.lists(st.integers(2, 5), min_size=2, max_size=5))
    y = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), sizes))
    classes = data.draw(st.integers(1, len(sizes)))
    samples = data.draw(st.integers(1, min(sizes)))
    batches = kb.data.ClassBatches(np.arange(len(y)), y, classes, samples)
    assert len(batches) == max(1, len(y) // (classes * samples))
    for x, labels in batches:
        assert len(set(x)) == classes * samples
        np.testing.assert_array_equal(y[x], labels)
        _, counts = np.unique(labels, return_counts=True)
        assert counts.tolist() == [samples] * classes


def test_seeds_and_epochs():
    y = np.repeat(np.arange(5), 10)

    def epoch(batches):
        return np.concatenate([x for x, _ in batches]).tolist()

    batches = kb.data.ClassBatches(np.arange(50), y, 3, 2)
    same = kb.data.ClassBatches(np.arange(50), y, 3, 2)
    other = kb.data.ClassBatches(np.arange(50), y, 3, 2, seed=1)
    fixed = kb.data.ClassBatches(np.arange(50), y, 3, 2, fresh=False)
    first = epoch(batches)
    assert first == epoch(same) == epoch(fixed) != epoch(other)
    for each in (batches, same, fixed):
        each.on_epoch_end()
    assert epoch(batches) == epoch(same) != first
    assert epoch(fixed) == first


@pytest.mark.table
def test_an_encoder_is_fitted():
    y = np.repeat(["ant", "bee", "cow"], 6)
    x = np.random.default_rng(0).standard_normal((18, 4), "float32")
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    model.compile("sgd", kb.losses.Triplet())
    batches = kb.data.ClassBatches(x, y, 2, 3, batches=4)
    history = model.fit(batches, epochs=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()
    assert batches[0][1].dtype.kind == "i"
    assert batches.names.tolist() == ["ant", "bee", "cow"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": 4}, "'classes' must be at most the 3 classes in 'y', got 4"),
        ({"classes": 0}, "'classes' must be a positive int, got 0"),
        (
            {"classes": 2, "samples": 3},
            "each class in 'y' must have 3 or more samples, but these have fewer: 0, "
            "2; leave them out or take fewer 'samples'",
        ),
        ({"classes": 2, "samples": 2, "batches": 0}, "'batches' must be a positive"),
    ],
)
def test_errors(arguments, message):
    y = [0, 0, 1, 1, 1, 2, 2]
    with pytest.raises(ValueError, match=re.escape(f"ClassBatches: {message}")):
        kb.data.ClassBatches(np.zeros(7), y, **arguments)
