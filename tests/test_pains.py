"""What users of plain Keras meet with several outputs or a shared encoder, and ours.

Each test has the behaviour of Keras 3.15 first, so that it says when Keras mends it.
"""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from tests.gradients import gradient

X = np.random.default_rng(0).standard_normal((8, 6)).astype("float32")
Y = {
    "age": np.linspace(20, 60, 8).astype("float32")[:, None],
    "gender": np.array([0, 1] * 4, "float32")[:, None],
}
LOSSES = {"age": "mean_squared_error", "gender": "binary_crossentropy"}
HEADS = {"age": kb.heads.Regression(), "gender": kb.heads.Binary()}


def plain():
    """A model by hand whose outputs are a dict."""
    x = keras.Input((6,))
    shared = layers.Dense(4, name="shared")(x)
    outputs = {
        "age": layers.Dense(1, name="age")(shared),
        "gender": layers.Dense(1, "sigmoid", name="gender")(shared),
    }
    return keras.Model(x, outputs)


def ours(cls=kb.MultiHeadModel, balancing=None, **tasks):
    heads = kb.MultiHeadOutput({**HEADS, **tasks}, balancing=balancing)
    x = keras.Input((6,))
    return cls(x, heads(layers.Dense(4, name="shared")(x))), heads


def losses(model, x=X, y=Y, **kwargs):
    return model.test_on_batch(x, y, return_dict=True, **kwargs)


def test_a_misspelt_head_in_loss_weights_weighs_another_head():
    model = plain()
    # Weights are taken by position, in the order of the alphabet.
    model.compile("sgd", LOSSES, loss_weights={"xage": 0.0, "gender": 1.0})
    logs = losses(model)
    assert logs["loss"] == pytest.approx(logs["age_loss"])  # it was to weigh nothing

    _, heads = ours()
    with pytest.raises(ValueError, match=r"names 'agee'.*did you mean 'age'"):
        heads.compile_args({"agee": 0.0, "gender": 1.0})
    model, heads = ours()
    model.compile("sgd", **heads.compile_args({"gender": 1.0, "age": 0.0}))
    logs = losses(model)
    assert logs["loss"] == pytest.approx(logs["gender_loss"])


def test_partial_loss_weights():
    model = plain()
    model.compile("sgd", LOSSES, loss_weights={"age": 0.5})
    with pytest.raises(ValueError, match="must match the number of losses"):
        losses(model)

    model, heads = ours()
    model.compile("sgd", **heads.compile_args({"age": 0.5}))
    logs = losses(model)
    expected = 0.5 * logs["age_loss"] + logs["gender_loss"]
    assert logs["loss"] == pytest.approx(expected)


def test_partial_sample_weight():
    weights = np.arange(8.0)
    model = plain()
    model.compile("sgd", LOSSES)
    with pytest.raises((KeyError, ValueError)):
        model.fit(X, Y, sample_weight={"age": weights}, verbose=0)

    model, heads = ours()
    model.compile("sgd", **heads.compile_args())
    logs = losses(model)
    y, sample_weight = heads.route(Y, {"age": weights})
    weighted = losses(model, y=y, sample_weight=sample_weight)
    assert weighted["gender_loss"] == pytest.approx(logs["gender_loss"])
    errors = (ops.convert_to_numpy(model(X)["age"]) - Y["age"])[:, 0] ** 2
    assert weighted["age_loss"] == pytest.approx(np.mean(errors * weights), rel=1e-5)
    model.fit(X, y, sample_weight=sample_weight, verbose=0)


def test_class_weight_with_several_outputs():
    model = plain()
    model.compile("sgd", LOSSES)
    with pytest.raises(ValueError, match="class_weight"):
        model.fit(X, Y, class_weight={0: 1.0, 1: 5.0}, verbose=0)

    model, heads = ours(gender=kb.heads.Binary(class_weight={1: 5.0}))
    model.compile("sgd", **heads.compile_args())
    p = ops.convert_to_numpy(model(X)["gender"])
    y = Y["gender"]
    expected = -np.mean((1 - y) * np.log(1 - p) + 5 * y * np.log(p))
    assert losses(model)["gender_loss"] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("missing", [np.nan, -1.0])
def test_one_missing_label_ruins_the_loss(missing):
    y = {**Y, "gender": np.array([[missing], *Y["gender"][1:]], "float32")}
    model = plain()
    model.compile("sgd", LOSSES)
    p = ops.convert_to_numpy(model(X)["gender"])
    there = -np.mean(np.log(np.where(Y["gender"], p, 1 - p))[1:])
    logs = losses(model, y=y)
    assert logs["gender_loss"] != pytest.approx(there, rel=1e-2)
    if np.isnan(missing):
        assert np.isnan(logs["loss"])
        model.fit(X, y, verbose=0)
        assert np.isnan(model.get_weights()[0]).all()  # which the heads share

    model, heads = ours(gender=kb.heads.Binary(missing=-1))
    model.compile("sgd", **heads.compile_args())
    p = ops.convert_to_numpy(model(X)["gender"])
    there = -np.mean(np.log(np.where(Y["gender"], p, 1 - p))[1:])
    assert losses(model, y=y)["gender_loss"] == pytest.approx(there, rel=1e-5)
    model.fit(X, y, verbose=0)
    assert all(np.isfinite(weight).all() for weight in model.get_weights())


def test_targets_of_a_wrong_name():
    wrong = {"gendre": Y["gender"], "age": Y["age"]}
    model = plain()
    model.compile("sgd", "mse")
    with pytest.raises(TypeError, match="got gendre of type 'str'"):
        losses(model, y=wrong)  # what is wrong with it, the error does not say

    model, heads = ours()
    model.compile("sgd", **heads.compile_args())
    for act in (model.fit, model.evaluate):
        with pytest.raises(ValueError, match=r"'y' names 'gendre'.*mean 'gender'"):
            act(X, wrong, verbose=0)
    with pytest.raises(ValueError, match=r"'y' names 'gendre'.*mean 'gender'"):
        heads.route(wrong)


def test_loss_weights_cannot_be_learned():
    weights = {name: keras.Variable(1.0, name=name) for name in LOSSES}
    model = plain()
    model.compile("sgd", LOSSES, loss_weights=weights)
    model.fit(X, Y, verbose=0)
    assert [float(weight) for weight in weights.values()] == [1.0, 1.0]

    model, heads = ours(balancing="uncertainty")
    model.compile("sgd", **heads.compile_args())
    model.fit(X, Y, epochs=5, verbose=0)
    age, gender = (float(weight) for weight in heads.balancer.current_weights())
    assert age < 0.1 * gender  # its loss is the larger by far


def test_which_head_starves():
    model = plain()
    model.compile("sgd", LOSSES)
    logs = model.fit(X, Y, verbose=0).history
    assert set(logs) == {"loss", "age_loss", "gender_loss"}  # all there is to see

    model, heads = ours()
    model.compile("sgd", **heads.compile_args())
    monitor = kb.heads.HeadMonitor(X, Y)
    model.fit(X, Y, callbacks=[monitor], verbose=0)
    shares = {name: notes["share"][0] for name, notes in monitor.history.items()}
    assert shares["gender"] < 0.1 < 0.9 < shares["age"]


def test_balancing_in_a_model_that_cannot_balance():
    model, heads = ours(cls=keras.Model, balancing="uncertainty")
    model.compile("sgd", **heads.compile_args())
    with pytest.raises(ValueError, match=r"'balancing' needs a kerasblocks\.MultiHead"):
        model.fit(X, Y, verbose=0)


def test_the_gradient_of_a_distance_between_twins():
    def by_hand(a):
        return ops.sum(ops.sqrt(ops.sum(ops.square(a - X), axis=-1)))

    assert np.isnan(gradient(by_hand, X)).all()

    distance = kb.SiameseEncoder([], merge="euclidean")
    slope = gradient(lambda a: ops.sum(distance([a, ops.convert_to_tensor(X)])), X)
    np.testing.assert_array_equal(slope, np.zeros_like(X))


def test_a_distance_comes_back_from_a_file(tmp_path):
    inputs = [keras.Input((6,)), keras.Input((6,))]
    shared = layers.Dense(3)
    by_hand = layers.Lambda(lambda pair: ops.abs(pair[0] - pair[1]))
    keras.Model(inputs, by_hand([shared(x) for x in inputs])).save(tmp_path / "a.keras")
    with pytest.raises(ValueError, match="unsafe"):
        keras.models.load_model(tmp_path / "a.keras")

    siamese = kb.SiameseEncoder(shared, merge="absolute_difference")
    model = keras.Model(inputs, siamese(inputs))
    model.save(tmp_path / "b.keras")
    again = keras.models.load_model(tmp_path / "b.keras")
    np.testing.assert_array_equal(again([X, -X]), model([X, -X]))
