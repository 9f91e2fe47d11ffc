import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from kerasblocks.blocks.comparison import COMPARISONS

FORMULAS = {
    "absolute_difference": lambda a, b: np.abs(a - b),
    "squared_difference": lambda a, b: (a - b) ** 2,
    "dot": lambda a, b: np.sum(a * b, axis=-1, keepdims=True),
    "cosine_similarity": lambda a, b: (
        np.sum(a * b, axis=-1, keepdims=True)
        / np.linalg.norm(a, axis=-1, keepdims=True)
        / np.linalg.norm(b, axis=-1, keepdims=True)
    ),
    "euclidean": lambda a, b: np.linalg.norm(a - b, axis=-1, keepdims=True),
    "concatenate": lambda a, b: np.concatenate([a, b], axis=-1),
    "multiply": lambda a, b: a * b,
    "average": lambda a, b: (a + b) / 2,
}


def pair(shape=(3, 5), seed=0):
    generator = np.random.default_rng(seed)
    return [generator.standard_normal(shape).astype("float32") for _ in "ab"]


@pytest.mark.parametrize("stacked", [False, True])
@pytest.mark.parametrize("merge", FORMULAS)
def test_merges_against_their_formulas(merge, stacked):
    block = kb.SiameseEncoder([], merge, stacked=stacked)
    for shape in ((3, 5), (2, 4, 5)):
        a, b = pair(shape)
        np.testing.assert_allclose(
            block([a, b]), FORMULAS[merge](a, b), rtol=1e-5, atol=1e-6
        )


def test_no_merge_gives_the_encodings():
    a, b = pair()
    first, second = kb.SiameseEncoder([], merge=None)([a, b])
    np.testing.assert_array_equal(first, a)
    np.testing.assert_array_equal(second, b)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
@pytest.mark.parametrize("merge", COMPARISONS)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_gradients_are_finite_for_identical_inputs(merge, policy, value):
    """One step of SGD: its weights would be NaN after a NaN gradient."""
    inputs = [keras.Input((3,)), keras.Input((3,))]
    encoder = layers.Dense(4, dtype=policy)
    model = keras.Model(inputs, kb.SiameseEncoder(encoder, merge, dtype=policy)(inputs))
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    same = np.full((2, 3), value, "float32")
    target = np.ones(model.compute_output_shape([(2, 3), (2, 3)]), "float32")
    model.train_on_batch([same, same], target)
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_wide_encodings_do_not_overflow_in_half_precision():
    a, b = np.full((1, 4), 200.0), np.full((1, 4), -200.0)
    block = kb.SiameseEncoder([], "euclidean", dtype="float16")
    np.testing.assert_allclose(np.array(block([a, b])), [[800.0]])


@pytest.mark.parametrize("merge", ["cosine_similarity", "euclidean"])
def test_weights_are_those_of_one_encoder(merge):
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(4)])
    inputs = [keras.Input((5,)), keras.Input((5,))]
    model = keras.Model(inputs, kb.SiameseEncoder(encoder, merge)(inputs))
    assert model.count_params() == encoder.count_params() == 24


def test_encoder_is_saved_and_used_alone(tmp_path):
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(4, "elu")])
    inputs = [keras.Input((5,)), keras.Input((5,))]
    model = keras.Model(inputs, kb.SiameseEncoder(encoder, "euclidean")(inputs))
    model.compile("sgd", "mse")
    a, b = pair()
    model.train_on_batch([a, b], np.ones((3, 1)))
    model.layers[-1].encoder.save(tmp_path / "encoder.keras")
    alone = keras.models.load_model(tmp_path / "encoder.keras")
    np.testing.assert_array_equal(alone(a), encoder(a))


@pytest.mark.parametrize("first", ["alone", "siamese"])
def test_an_encoder_of_two_blocks_stays_one_after_a_reload(first, tmp_path):
    encoder = keras.Sequential([keras.Input((5,)), layers.Dense(4)])
    inputs = [keras.Input((5,)), keras.Input((5,))]
    outputs = [
        encoder(inputs[0]) if first == "alone" else None,
        kb.SiameseEncoder(encoder, "euclidean")(inputs),
        kb.Chain([kb.SiameseEncoder(encoder, "cosine_similarity")])(inputs),
        encoder(inputs[0]) if first == "siamese" else None,
    ]
    model = keras.Model(inputs, [x for x in outputs if x is not None])
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert len(again.weights) == len(model.weights) == 2
    for ours, theirs in zip(again(pair()), model(pair()), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_batch_normalization_sees_one_batch_where_stacked():
    a, b = pair((64, 1))
    for stacked, updates in ((False, 2), (True, 1)):
        norm = layers.BatchNormalization(momentum=0.5)
        kb.SiameseEncoder(norm, stacked=stacked)([a + 10, b + 10], training=True)
        expected = 10 * (1 - 0.5**updates)
        np.testing.assert_allclose(norm.moving_mean, [expected], rtol=0.05)


@pytest.mark.parametrize("stacked", [False, True])
def test_padding_does_not_reach_the_encodings(stacked):
    embed = layers.Embedding(10, 4, mask_zero=True)
    block = kb.SiameseEncoder(
        [embed, kb.Maxout(2), layers.LSTM(3)], None, stacked=stacked
    )
    short, long = np.array([[1, 2]]), np.array([[1, 2, 0, 0]])
    (expected, _), (padded, _) = block([short, short]), block([long, long])
    np.testing.assert_allclose(padded, expected, rtol=1e-6)


def test_three_inputs():
    x = [*pair(), pair(seed=1)[0]]
    block = kb.SiameseEncoder(layers.Dense(2))
    assert block(x).shape == (3, 6)
    assert block.compute_output_shape([(None, 5)] * 3) == (None, 6)


def test_a_stacked_encoder_refuses_another_number_of_inputs():
    siamese = kb.SiameseEncoder(layers.Dense(4), stacked=True)
    x = np.ones((2, 3), "float32")
    siamese([x, x])
    with pytest.raises(ValueError, match=r"must be a list of 2 tensors, .* got 3"):
        siamese([x, x, x])
