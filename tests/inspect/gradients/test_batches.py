"""`gradient_flow`: its inputs, and errors about them."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.gradients import gradient_flow
from tests.inspect.gradients.models import Cubed, X, Y, data, line, norms

pytestmark = pytest.mark.table


class Batches(keras.utils.PyDataset):
    def __len__(self):
        return 2

    def __getitem__(self, index):
        return X, Y


def test_inputs_of_every_kind():
    model = line()
    expected = norms(gradient_flow(model, X, Y, loss="mse"))
    twice = np.repeat(X, 2, axis=0), [[31], [31]]
    for given in (
        (Batches(),),
        (((x, Y) for x in [X, 5 * X]),),
        twice,
        (*twice, np.ones(2)),
        (ops.convert_to_tensor(X), ops.convert_to_tensor(Y)),
    ):
        assert norms(gradient_flow(model, *given, loss="mse")) == pytest.approx(
            expected
        )


def test_batches_are_averaged_by_their_samples():
    x, y = data(5)
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2), layers.Dense(1)])
    model.compile("sgd", "mse")
    whole = gradient_flow(model, x, y)
    parts = gradient_flow(model, x, y, batch_size=2)
    assert parts.samples == 5
    assert parts.loss == pytest.approx(whole.loss, rel=1e-5)
    assert norms(parts) == pytest.approx(norms(whole), rel=1e-5)


def two_ended():
    inputs = {name: keras.Input((3,), name=name) for name in ("left", "right")}
    x = layers.Dense(4)(layers.Concatenate()([inputs["left"], inputs["right"]]))
    ends = {"a": layers.Dense(1, name="a")(x), "b": layers.Dense(1, name="b")(x)}
    return keras.Model(inputs, ends)


def test_dicts_of_inputs_and_outputs():
    model = two_ended()
    x, y = data(4)
    x, y = {"left": x, "right": 2 * x}, {"a": y, "b": y}
    for batch_size in (None, 3):
        flow = gradient_flow(
            model, x, y, loss={"a": "mse", "b": "mae"}, batch_size=batch_size
        )
        assert len(flow.blocks) == 3
        assert min(norms(flow).values()) > 0


class Idle(Cubed):
    def train_step(self, *arguments):
        return ({}, arguments[0]) if keras.backend.backend() == "jax" else {}


def test_models_that_cannot_be_measured():
    with pytest.raises(TypeError, match="'model' must be a Keras model, got <Dense"):
        gradient_flow(layers.Dense(1), X, Y)
    with pytest.raises(ValueError, match=r"the model 'cubed' \(Cubed\) must be built"):
        gradient_flow(Cubed(), X, Y)
    model = line()
    with pytest.raises(ValueError, match=r"'loss' must be given, .* is not compiled"):
        gradient_flow(model, X, Y)
    model.trainable = False
    with pytest.raises(ValueError, match="must have a trainable weight, got none"):
        gradient_flow(model, X, Y, loss="mse")
    idle = Idle()
    idle(X)
    idle.compile("sgd")
    with pytest.raises(ValueError, match="the train_step of Idle must apply its"):
        gradient_flow(idle, X, Y)


@pytest.mark.parametrize(
    ("arguments", "options", "words"),
    [
        ((X, Y), {"depth": 0}, "'depth' must be a positive int, got 0"),
        ((X, Y), {"batch_size": 0}, "'batch_size' must be a positive int, got 0"),
        ((X, Y[[0, 0]]), {}, r"same number of samples, got .* \(1, 2\), \(2, 1\)"),
        ((X[:0], Y[:0]), {}, r"'x' must have at least one sample, got shape \(0, 2\)"),
        ((iter([]),), {}, "'x' must be arrays or a dataset with a batch"),
        (({}, Y), {}, "'x' must be arrays or a dataset, got {}"),
        ((7,), {}, "'x' must be arrays or a dataset with a batch, got 7"),
        ((Batches(), Y), {}, "'y' must be None with a dataset"),
        ((Batches(),), {"batch_size": 2}, "'batch_size' must be None with a dataset"),
    ],
)
def test_wrong_arguments(arguments, options, words):
    with pytest.raises(ValueError, match=f"^gradient_flow: .*{words}"):
        gradient_flow(line(), *arguments, loss="mse", **options)


def test_a_loss_without_targets_is_an_error():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="gradient_flow: 'y' must be given for the"):
        kb.gradient_flow(model, np.ones((2, 3)))
