"""Section 7.1.3: age, income and gender of a person from their posts.

A model's outputs are a list, as in the book, or a dict. Keras gets losses, weights and
targets right as lists for the one, as dicts for the other.
"""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.book.twins import (
    INEXACT,
    assert_same_gradients,
    gradients,
    run,
    transfer,
)

VOCABULARY = 50_000
INCOME_GROUPS = 10
SAMPLES = 12
NAMES = ["age", "income", "gender"]
OTHER_ORDER = ["gender", "age", "income"]
LOSSES = {
    "age": "mse",
    "income": "categorical_crossentropy",
    "gender": "binary_crossentropy",
}
WEIGHTS = {"age": 0.25, "income": 1.0, "gender": 10.0}


def book_features(posts_input):
    embedded_posts = layers.Embedding(VOCABULARY, 64)(posts_input)
    x = layers.Conv1D(128, 5, activation="relu")(embedded_posts)
    x = layers.MaxPooling1D(5)(x)
    x = layers.Conv1D(256, 5, activation="relu")(x)
    x = layers.Conv1D(256, 5, activation="relu")(x)
    x = layers.MaxPooling1D(5)(x)
    x = layers.Conv1D(256, 5, activation="relu")(x)
    x = layers.Conv1D(256, 5, activation="relu")(x)
    x = layers.GlobalMaxPooling1D()(x)
    return layers.Dense(128, activation="relu")(x)


def book_model():
    posts_input = keras.Input((None,), dtype="int32", name="posts")
    x = book_features(posts_input)
    age_prediction = layers.Dense(1, name="age")(x)
    income_prediction = layers.Dense(
        INCOME_GROUPS, activation="softmax", name="income"
    )(x)
    gender_prediction = layers.Dense(1, activation="sigmoid", name="gender")(x)
    return keras.Model(
        posts_input, [age_prediction, income_prediction, gender_prediction]
    )


def conv(filters):
    return kb.ConvBlock(filters, 5, padding="valid", normalization=None)


def make_heads():
    one_hot = {
        "loss": "categorical_crossentropy",
        "metrics": ["categorical_accuracy"],
    }
    return kb.MultiHeadOutput(
        {
            "age": kb.heads.Regression(),
            "income": kb.heads.Multiclass(INCOME_GROUPS, **one_hot),
            "gender": kb.heads.Binary(),
        },
        name="heads",
    )


def our_model(outputs=dict):
    posts_input = keras.Input((None,), dtype="int32", name="posts")
    x = kb.Chain(
        [
            layers.Embedding(VOCABULARY, 64),
            conv(128),
            kb.Pooling("max", 5, padding="valid"),
            conv(256),
            conv(256),
            kb.Pooling("max", 5, padding="valid"),
            conv(256),
            conv(256),
            layers.GlobalMaxPooling1D(),
            layers.Dense(128, activation="relu"),
        ]
    )(posts_input)
    heads = make_heads()(x)
    assert list(heads) == NAMES
    assert [head.shape[1] for head in heads.values()] == [1, INCOME_GROUPS, 1]
    return keras.Model(posts_input, heads if outputs is dict else [*heads.values()])


def side_by_side(arrays):
    """The three heads' kernels as one, and their biases."""
    body = [array for path, array in arrays.items() if path.split("/")[0] not in NAMES]
    heads = [
        np.concatenate([arrays[f"{name}/{weight}"] for name in NAMES], axis=-1)
        for weight in ("kernel", "bias")
    ]
    return [*body, *heads]


def make_posts():
    return np.random.default_rng(0).integers(1, VOCABULARY, (SAMPLES, 300))


def make_targets():
    """Labels whose mix-up shows: ages and genders have one shape."""
    rng = np.random.default_rng(1)
    return {
        "age": rng.uniform(2, 6, (SAMPLES, 1)).astype("float32"),
        "income": np.eye(INCOME_GROUPS, dtype="float32")[
            rng.integers(0, INCOME_GROUPS, SAMPLES)
        ],
        "gender": rng.integers(0, 2, (SAMPLES, 1)).astype("float32"),
    }


@pytest.fixture
def posts():
    return make_posts()


@pytest.fixture
def targets():
    return make_targets()


def in_list(values):
    return [values[name] for name in NAMES]


def in_dict(values):
    return {name: values[name] for name in OTHER_ORDER}


def losses_by_hand(outputs, targets):
    age, income, gender = (np.asarray(outputs[name], "float64") for name in NAMES)
    return {
        "age": np.mean((age - targets["age"]) ** 2),
        "income": -np.mean(np.log(income[targets["income"] == 1])),
        "gender": -np.mean(np.log(np.where(targets["gender"], gender, 1 - gender))),
    }


def total(losses):
    return sum(WEIGHTS[name] * losses[name] for name in NAMES)


@pytest.fixture
def twins():
    book, by_list, by_name = book_model(), our_model(list), our_model(dict)
    transfer(book, by_list, side_by_side)
    by_name.set_weights(by_list.get_weights())
    return book, by_list, by_name


def test_equal_outputs(twins, posts):
    book, by_list, by_name = (run(model, posts) for model in twins)
    assert set(by_name) == set(NAMES)
    for name, mine, ours in zip(NAMES, book, by_list, strict=True):
        np.testing.assert_allclose(ours, mine, **INEXACT, err_msg=name)
        np.testing.assert_array_equal(by_name[name], ours, err_msg=name)


def test_equal_gradients_with_lists_and_with_dicts(twins, posts, targets):
    book, by_list, by_name = twins

    def found(model, form):
        return gradients(
            model,
            posts,
            form(targets),
            loss=form(LOSSES),
            loss_weights=form(WEIGHTS),
        )

    expected = found(book, in_list)
    assert_same_gradients(expected, found(by_list, in_list), side_by_side)
    assert_same_gradients(expected, found(by_name, in_dict), side_by_side)


def test_fitted_with_lists_and_with_dicts(twins, posts, targets):
    book, by_list, by_name = twins

    def fit(model, form):
        model.compile("rmsprop", loss=form(LOSSES), loss_weights=form(WEIGHTS))
        return model.fit(
            posts, form(targets), epochs=2, batch_size=6, shuffle=False, verbose=0
        ).history["loss"]

    expected = fit(book, in_list)
    assert expected[1] < expected[0]
    np.testing.assert_allclose(fit(by_list, in_list), expected, rtol=1e-3)
    np.testing.assert_allclose(fit(by_name, in_dict), expected, rtol=1e-3)


def test_total_loss_of_lists(twins, posts, targets):
    _, by_list, _ = twins
    by_list.compile(loss=in_list(LOSSES), loss_weights=in_list(WEIGHTS))
    measured = by_list.evaluate(posts, in_list(targets), verbose=0, return_dict=True)
    outputs = dict(zip(NAMES, run(by_list, posts), strict=True))
    assert measured["loss"] == pytest.approx(
        total(losses_by_hand(outputs, targets)), rel=1e-4
    )


def numpy_targets(posts, targets):
    return {"x": posts, "y": targets, "batch_size": SAMPLES}


def tf_data_targets(posts, targets):
    import tensorflow as tf

    return {"x": tf.data.Dataset.from_tensor_slices((posts, targets)).batch(SAMPLES)}


@pytest.mark.parametrize("order", [NAMES, OTHER_ORDER], ids=" ".join)
@pytest.mark.parametrize("feed", [numpy_targets, tf_data_targets])
def test_each_target_reaches_its_head_in_any_order(twins, posts, targets, order, feed):
    _, _, model = twins
    expected = losses_by_hand(run(model, posts), targets)
    loss_weights = {name: WEIGHTS[name] for name in reversed(order)}
    model.compile("sgd", **make_heads().compile_args(loss_weights))

    fed = feed(posts, {name: targets[name] for name in order})
    measured = model.evaluate(**fed, verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(total(expected), rel=1e-4)
    for name in NAMES:
        assert measured[f"{name}_loss"] == pytest.approx(expected[name], rel=1e-4)
    assert measured["gender_binary_accuracy"] == pytest.approx(
        np.mean((run(model, posts)["gender"] > 0.5) == targets["gender"])
    )

    # In training, the one batch's loss is the one before the step.
    trained = model.fit(**fed, shuffle=False, verbose=0).history
    assert trained["loss"][0] == pytest.approx(total(expected), rel=1e-4)


def test_a_misspelt_head_is_refused():
    with pytest.raises(ValueError, match="did you mean 'gender'"):
        make_heads().compile_args(loss_weights={"gendre": 10.0})
