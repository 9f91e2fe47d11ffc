"""Balancing: the weights by their papers' formulas, and that they survive a file."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.testing import case, parametrize_with_checks

X = np.random.default_rng(0).standard_normal((12, 4)).astype("float32")
Y = {
    "size": 100 * X[:, :1] + 3,
    "kind": np.arange(12) % 3,
    "good": (X[:, 1:2] > 0).astype("float32"),
}
MAKERS = {
    "uncertainty": lambda: "uncertainty",
    "scale": lambda: kb.heads.ScaleNormalization(momentum=0.8),
    "dynamic": lambda: kb.heads.DynamicWeightAverage(period=2, temperature=1.5),
}


@parametrize_with_checks(
    [
        case(kb.heads.Uncertainty, (None, 3)),
        case(kb.heads.ScaleNormalization, (None, 3)),
        case(lambda **kwargs: kb.heads.DynamicWeightAverage(2, **kwargs), (None, 3)),
    ]
)
def test_the_contract(case, check):
    """Not in the table of blocks: they weigh losses, and are in no graph to expand."""
    check(case)


def build(balancing, model=kb.MultiHeadModel, optimizer="adam", **options):
    keras.utils.set_random_seed(3)
    heads = kb.MultiHeadOutput(
        {
            "size": kb.heads.Regression(),
            "kind": kb.heads.Multiclass(3),
            "good": kb.heads.Binary(),
        },
        balancing=balancing,
    )
    inputs = keras.Input((4,))
    outputs = heads(layers.Dense(5, "tanh", kernel_regularizer="l2")(inputs))
    model = model(inputs, outputs)
    model.compile(optimizer, **heads.compile_args(), **options)
    return model, heads


def step(model, rows=slice(None)):
    y = {name: labels[rows] for name, labels in Y.items()}
    return model.train_on_batch(X[rows], y, return_dict=True)


def weights(heads):
    return ops.convert_to_numpy(heads.balancer.current_weights())


def head_losses(logs):
    return np.array([logs[f"{name}_loss"] for name in ("size", "kind", "good")])


@pytest.mark.table
@pytest.mark.parametrize("name", MAKERS)
def test_a_reloaded_model_goes_on_as_if_never_stopped(name, tmp_path):
    model, heads = build(MAKERS[name]())
    for _ in range(5):
        step(model)
    assert len(set(weights(heads))) > 1  # there is something to lose
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(again, kb.MultiHeadModel)
    for _ in range(2):
        assert step(again) == pytest.approx(step(model), rel=1e-6)
    for a, b in zip(model.weights, again.weights, strict=True):
        np.testing.assert_allclose(
            ops.convert_to_numpy(a), ops.convert_to_numpy(b), rtol=1e-6, atol=1e-7
        )
    np.testing.assert_allclose(weights(again.layers[-1]), weights(heads), rtol=1e-6)


@pytest.mark.table
@pytest.mark.parametrize("name", MAKERS)
def test_the_loss_is_the_balanced_sum_and_the_regularization(name):
    model, heads = build(MAKERS[name]())
    for _ in range(4):
        step(model)
    logs = model.test_on_batch(X, Y, return_dict=True)
    expected = weights(heads) @ head_losses(logs)
    if name == "uncertainty":
        expected -= np.log(weights(heads)).sum() / 2
    kernel = ops.convert_to_numpy(model.layers[1].kernel)
    assert logs["loss"] == pytest.approx(expected + 0.01 * (kernel**2).sum(), rel=1e-5)


def test_uncertainty_comes_to_rest_at_half_the_inverse_of_the_loss():
    layer = kb.heads.Uncertainty()
    losses = np.array([[8.0, 0.5]], "float32")
    inputs = keras.Input((2,))
    model = keras.Model(inputs, layer(inputs))
    model.compile(keras.optimizers.SGD(0.3), lambda y, p: ops.sum(p, axis=-1))
    for _ in range(200):
        model.train_on_batch(losses, losses)
    np.testing.assert_allclose(
        ops.convert_to_numpy(layer.current_weights()), [1 / 16, 1], rtol=1e-4
    )


def test_scale_normalization_divides_by_the_running_mean():
    layer = kb.heads.ScaleNormalization(momentum=0.9)
    mean = parts = 0.0
    for loss in (4.0, 2.0, 8.0, 1.0):
        mean, parts = 0.9 * mean + 0.1 * loss, 0.9 * parts + 0.1
        found = layer(ops.convert_to_tensor([loss]), training=True)
        assert float(found[0]) == pytest.approx(loss * parts / mean, rel=1e-5)
    rest = float(layer(ops.convert_to_tensor([5.0]))[0])
    assert rest == pytest.approx(5 * parts / mean, rel=1e-5)
    layer(ops.zeros((1,)), training=True)  # no label in this batch
    assert float(layer(ops.convert_to_tensor([5.0]))[0]) == rest


def test_dynamic_weight_average_by_the_papers_formula():
    layer = kb.heads.DynamicWeightAverage(period=3, temperature=2.0)
    losses = np.random.default_rng(0).uniform(1, 5, (4, 3, 2)).astype("float32")
    means = losses.mean(axis=1)
    for period, rows in enumerate(losses):
        expected = np.ones(2)
        if period >= 2:
            odds = np.exp(means[period - 1] / means[period - 2] / 2.0)
            expected = 2 * odds / odds.sum()
        for row in rows:
            found = layer(ops.convert_to_tensor(row), training=True)
            np.testing.assert_allclose(found, expected * row, rtol=1e-5)


@pytest.mark.parametrize("name", MAKERS)
def test_a_head_without_labels_in_a_batch_is_let_be(name):
    model, heads = build(MAKERS[name](), optimizer=keras.optimizers.SGD(0.01))
    for _ in range(4):
        step(model)
    before = weights(heads)
    y = {**Y, "good": np.full((12, 1), np.nan)}
    logs = model.train_on_batch(X, y, return_dict=True)
    assert logs["good_loss"] == 0
    assert np.isfinite(logs["loss"])
    if name != "dynamic":
        assert weights(heads)[2] == before[2]
        assert weights(heads)[0] != before[0]


@pytest.mark.parametrize("name", MAKERS)
def test_evaluation_and_frozen_layers_leave_the_weights(name):
    model, heads = build(MAKERS[name](), run_eagerly=True)
    step(model)
    before = heads.balancer.get_weights()
    model.evaluate(X, Y, verbose=0)
    heads.balancer.trainable = False
    model.compile("sgd", **heads.compile_args(), run_eagerly=True)
    step(model)
    for old, new in zip(before, heads.balancer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_mixed_precision_balances_in_float32():
    keras.config.set_dtype_policy("mixed_float16")
    model, heads = build("uncertainty", run_eagerly=True)
    assert heads.balancer.compute_dtype == "float32"
    for _ in range(3):
        assert np.isfinite(step(model)["loss"])


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (
            lambda: build("uncertain"),
            "MultiHeadOutput: 'balancing' must be 'uncertainty', 'scale', a layer such "
            "as DynamicWeightAverage(period=100), or None, got 'uncertain'; did you "
            "mean 'uncertainty'?",
        ),
        (lambda: build(layers.Dense(2)), "got <Dense"),
        (
            lambda: kb.heads.ScaleNormalization(1.0),
            "ScaleNormalization: 'momentum' must be a number from 0 to less than 1, "
            "got 1.0",
        ),
        (
            lambda: kb.heads.DynamicWeightAverage(0),
            "'period' must be a positive int, got 0",
        ),
        (
            lambda: kb.heads.DynamicWeightAverage(9, temperature=0),
            "'temperature' must be a positive number, got 0",
        ),
        (
            lambda: kb.MultiHeadOutput(
                {"a": kb.heads.Binary(loss_weight=2)}, balancing="scale"
            ).compile_args(),
            "MultiHeadOutput: with 'balancing', all loss weights must be 1, got "
            "{'a': 2.0}",
        ),
    ],
)
def test_words(make, words):
    with pytest.raises(ValueError, match=": ") as caught:
        make()
    assert words in str(caught.value)


def test_losses_of_another_making_are_refused():
    model, _ = build("scale")
    model.compile("sgd", {**dict.fromkeys(Y, "mse"), "kind": None})
    with pytest.raises(ValueError, match=r"needs the losses of MultiHeadOutput\.comp"):
        step(model)


def test_two_balancings_are_refused():
    inputs = keras.Input((4,))
    one = kb.MultiHeadOutput({"a": kb.heads.Binary()}, balancing="scale")
    two = kb.MultiHeadOutput({"b": kb.heads.Binary()}, balancing="scale")
    model = kb.MultiHeadModel(inputs, {**one(inputs), **two(inputs)})
    model.compile("sgd", {**one.compile_args()["loss"], **two.compile_args()["loss"]})
    with pytest.raises(ValueError, match="only one MultiHeadOutput can have"):
        model.train_on_batch(X, {"a": Y["good"], "b": Y["good"]})


def test_heads_in_a_nested_model_are_found():
    inner, heads = build("scale")
    inputs = keras.Input((4,))
    model = kb.MultiHeadModel(inputs, inner(layers.Dense(4)(inputs)))
    model.compile("sgd", **heads.compile_args())
    step(model)
    assert (weights(heads) != 1).all()


@pytest.mark.table
def test_heads_inside_another_layer_are_balanced():
    class Wrapper(layers.Layer):
        def __init__(self, heads):
            super().__init__()
            self.heads = heads

        def build(self, input_shape):
            self.heads.build(input_shape)

        def call(self, inputs):
            return self.heads(inputs)

    heads = kb.MultiHeadOutput({"size": kb.heads.Regression()}, balancing="scale")
    inputs = keras.Input((4,))
    model = kb.MultiHeadModel(inputs, Wrapper(heads)(layers.Dense(5)(inputs)))
    model.compile("sgd", **heads.compile_args())
    logs = model.train_on_batch(X, {"size": Y["size"]}, return_dict=True)
    assert logs["loss"] == pytest.approx(1)


def test_heads_that_the_model_does_not_hold_cannot_be_balanced():
    _, heads = build("scale")
    model, _ = build(None)
    model.compile("sgd", **heads.compile_args())
    with pytest.raises(ValueError, match="'balancing' needs the MultiHeadOutput as"):
        step(model)


def test_a_loss_beside_those_of_the_heads_is_refused():
    heads = kb.MultiHeadOutput({"size": kb.heads.Regression()}, balancing="scale")
    inputs = keras.Input((4,))
    again = layers.Dense(4, name="again", trainable=False)(inputs)
    model = kb.MultiHeadModel(inputs, {**heads(inputs), "again": again})
    losses = heads.compile_args()["loss"]
    model.compile("sgd", {**losses, "again": "mse"})
    y = {"size": Y["size"], "again": X}
    with pytest.raises(ValueError, match="'again' is not one of its heads and must"):
        model.train_on_batch(X, y)
    model.compile("sgd", {**losses, "again": None})
    assert model.train_on_batch(X, y, return_dict=True)["loss"] == pytest.approx(1)


@pytest.mark.filterwarnings("ignore:Explicitly requested dtype:UserWarning")  # JAX
@pytest.mark.parametrize("policy", ["mixed_float16", "bfloat16", "float64"])
@pytest.mark.parametrize("make", [*MAKERS.values(), kb.heads.Uncertainty])
def test_losses_keep_their_precision_under_any_policy(policy, make):
    """A layer that is given takes the global policy; a squared error is beyond it."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        heads = kb.MultiHeadOutput(
            {"a": kb.heads.Regression(), "b": kb.heads.Regression()}, balancing=make()
        )
        inputs = keras.Input((4,))
        model = kb.MultiHeadModel(inputs, heads(inputs))
        model.compile("sgd", **heads.compile_args(), run_eagerly=True)
    finally:
        keras.config.set_dtype_policy(before)
    y = {"a": np.full((12, 1), 1000.0), "b": np.ones((12, 1))}
    logs = model.test_on_batch(X, y, return_dict=True)
    assert logs["a_loss"] > 9e5
    assert logs["loss"] == pytest.approx(logs["a_loss"] + logs["b_loss"], rel=1e-5)
    model.train_on_batch(X, y)
    assert np.isfinite(weights(heads)).all()
