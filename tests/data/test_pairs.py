import itertools
import pickle
import re

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import kerasblocks as kb


def samples(labels):
    """Samples that say which they are."""
    return np.arange(len(labels))[:, None].astype("float32")


def drawn(pairs):
    """Every pair of an epoch, and whether it is said to be the same."""
    for index in range(len(pairs)):
        (left, right), same = pairs[index]
        yield from zip(left[:, 0], right[:, 0], same, strict=True)


labelled = st.lists(st.integers(2, 4), min_size=2, max_size=4).flatmap(
    lambda sizes: st.permutations(
        [label for label, size in enumerate(sizes) for _ in range(size)]
    )
)


@given(labelled, st.integers(1, 7), st.integers(1, 30), st.booleans())
def test_half_are_the_same_and_none_is_with_itself(y, batch, count, with_itself):
    pairs = kb.data.Pairs(samples(y), y, batch, count, with_itself=with_itself)
    all_pairs = list(drawn(pairs))
    assert len(all_pairs) == count
    for i, (left, right, same) in enumerate(all_pairs):
        assert same == (y[int(left)] == y[int(right)]) == (i % 2 == 0)
        assert with_itself or left != right


def test_each_pair_is_as_likely_as_any_other():
    y = [0, 0, 0, 1, 1]
    counts = {}
    for left, right, _ in drawn(kb.data.Pairs(samples(y), y, pairs=40_000)):
        counts[left, right] = counts.get((left, right), 0) + 1
    assert len(counts) == 5 * 4
    for (left, right), count in counts.items():
        same = y[int(left)] == y[int(right)]
        partners = y.count(y[int(left)]) - 1 if same else 5 - y.count(y[int(left)])
        assert count == pytest.approx(20_000 / 5 / partners, rel=0.1)


def test_a_sample_may_be_with_itself_where_asked():
    y = [0, 1]
    pairs = kb.data.Pairs(samples(y), y, pairs=10, with_itself=True)
    assert all((left == right) == same for left, right, same in drawn(pairs))


def test_seeds_and_epochs():
    y = np.repeat([0, 1, 2], 20)

    def epochs(**arguments):
        pairs = kb.data.Pairs(samples(y), y, 8, **arguments)
        for _ in range(3):
            yield list(drawn(pairs))
            pairs.on_epoch_end()

    first = list(epochs(seed=1))
    assert first == list(epochs(seed=1))
    assert all(a != b for a, b in itertools.combinations(first, 2))
    assert first != list(epochs(seed=2))
    fixed = list(epochs(seed=1, fresh=False))
    assert fixed == [first[0]] * 3


def test_a_batch_depends_on_its_index_alone():
    y = np.repeat([0, 1, 2], 20)
    pairs = kb.data.Pairs(samples(y), y, 8)
    backwards = [pairs[i] for i in reversed(range(len(pairs)))][::-1]
    elsewhere = pickle.loads(pickle.dumps(pairs))
    for i, ((left, right), _) in enumerate(backwards):
        (again_left, again_right), _ = elsewhere[i]
        np.testing.assert_array_equal(left, again_left)
        np.testing.assert_array_equal(right, again_right)
    np.testing.assert_array_equal(pairs[-1][1], pairs[len(pairs) - 1][1])
    with pytest.raises(IndexError, match="Pairs: no batch 8: there are 8 batches"):
        pairs[8]


def siamese():
    inputs = [keras.Input((1,)), keras.Input((1,))]
    encoder = keras.layers.Dense(2, kernel_initializer="ones")
    merge = kb.SiameseEncoder(encoder, "euclidean")
    model = keras.Model(inputs, merge(inputs))
    model.compile(keras.optimizers.SGD(0.001), kb.losses.Contrastive())
    return model


def fitted_by_hand(y, epoch):
    """The kernel after two epochs, from the given one on."""
    model, pairs = siamese(), kb.data.Pairs(samples(y) / 18, y, 4)
    pairs.epoch = epoch
    for _ in range(2):
        for (left, right), same in pairs:
            model.train_on_batch([left, right], same)
        pairs.on_epoch_end()
    return model.get_weights()[0]


# On jax and torch Keras' threads begin with batches of the epoch before.
@pytest.mark.parametrize("workers", [pytest.param(1, marks=pytest.mark.table), 3])
def test_a_siamese_model_is_fitted_on_new_pairs_each_epoch(workers):
    y = np.repeat([0, 1], 9)
    pairs = kb.data.Pairs(samples(y) / 18, y, 4, workers=workers)
    held_out = kb.data.Pairs(samples(y) / 18, y, 4, fresh=False)
    model = siamese()
    model.fit(pairs, epochs=2, shuffle=False, verbose=0, validation_data=held_out)
    assert held_out.epoch == 0
    expected = fitted_by_hand(y, pairs.epoch - 2)
    np.testing.assert_allclose(model.get_weights()[0], expected, rtol=1e-6)


@pytest.mark.parametrize("wrap", [lambda a: {"a": a, "b": -a}, lambda a: [a, -a]])
def test_structures_of_arrays(wrap):
    y = ["cat", "cat", "dog", "dog"]
    (left, _), _ = kb.data.Pairs(wrap(samples(y)), y)[0]
    assert type(left) is type(wrap(samples(y)))
    first, second = left.values() if isinstance(left, dict) else left
    np.testing.assert_array_equal(first, -second)


@pytest.mark.parametrize(
    ("x", "y", "arguments", "message"),
    [
        (
            np.zeros(3),
            [0, 0, 1, 1],
            {},
            "'x' and 'y' must have the same length, got 3 and 4",
        ),
        (
            {"a": np.zeros(4), "b": np.zeros(5)},
            [0, 0, 1, 1],
            {},
            "'x' and 'y' must have the same length, got 5 and 4",
        ),
        ([1.0, 2.0], [0, 1], {}, "'x' must be an array, or a dict or list of arrays"),
        (np.zeros(3), [5, 5, 5], {}, "'y' must have two or more classes, got 1"),
        (
            np.zeros(3),
            [5, 5, 7],
            {},
            "each class in 'y' must have 2 or more samples, but these have fewer: 7; "
            "leave them out or pass with_itself=True",
        ),
        (
            np.zeros(3),
            np.eye(3),
            {},
            "'y' must have one label for each sample, got an array of shape (3, 3); "
            "for one-hot labels, pass their argmax",
        ),
        (
            np.zeros(4),
            [0, 0, 1, 1],
            {"batch_size": 0},
            "'batch_size' must be a positive int, got 0",
        ),
        (
            np.zeros(4),
            [0, 0, 1, 1],
            {"pairs": -1},
            "'pairs' must be a positive int, got -1",
        ),
        (
            np.zeros(4),
            [0, 0, 1, 1],
            {"seed": -1},
            "'seed' must be an int of 0 or more, got -1",
        ),
    ],
)
def test_errors(x, y, arguments, message):
    with pytest.raises(ValueError, match=re.escape(f"Pairs: {message}")):
        kb.data.Pairs(x, y, **arguments)
