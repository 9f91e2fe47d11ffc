"""`gradient_flow`: the norms are right, and the model does not change."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.gradients import gradient_flow
from tests.inspect.gradients.models import Cubed, X, Y, data, line, norms

pytestmark = pytest.mark.table


def test_a_linear_model_has_the_norms_worked_out_by_hand():
    flow = gradient_flow(line(), X, Y, loss="mse")
    assert flow.loss == 4.0
    assert flow.samples == 1
    assert [block.name for block in flow.blocks] == ["w", "v"]
    w, v = flow.blocks
    assert (w.gradient_norm, v.gradient_norm) == pytest.approx((60, 44))
    assert (w.weight_norm, v.weight_norm) == pytest.approx((5**0.5, 3))
    assert w.ratio == pytest.approx(60 / 5**0.5)
    assert (w.weights, v.weights) == (2, 1)
    assert w.note == v.note == ""


def test_the_loss_is_the_one_that_the_model_was_compiled_with():
    model = line(kernel_regularizer=keras.regularizers.L2(1.0))
    model.compile("adam", "mse", loss_weights=0.5)
    # The penalty |w|^2 adds 2 (1, 2) to the gradient 0.5 * 12 * (3, 4).
    by_hand = np.hypot(18 + 2, 24 + 4)
    assert norms(gradient_flow(model, X, Y)) == pytest.approx({"w": by_hand, "v": 22})
    double = gradient_flow(model, X, Y, sample_weight=np.array([2.0]))
    assert norms(double)["v"] == pytest.approx(44)
    # As it is with a loss of its own, without weights but with the penalty.
    mae = gradient_flow(model, X, Y, loss="mae")
    assert mae.loss == pytest.approx(2 + 5)
    assert norms(mae) == pytest.approx({"w": np.hypot(9 + 2, 12 + 4), "v": 11})
    assert model.loss == "mse"


def test_penalties_on_activities_count():
    model = line(activity_regularizer=keras.regularizers.L2(1.0))
    # (w.x)^2 adds 2 * 11 * (3, 4).
    flow = gradient_flow(model, X, Y, loss="mse")
    assert norms(flow) == pytest.approx({"w": 5 * (12 + 22), "v": 44})
    model.compile("sgd", "mse")
    assert norms(gradient_flow(model, X, Y)) == pytest.approx(norms(flow))


def test_compute_loss_of_a_subclass_and_the_order_of_calls():
    model = Cubed()
    x, y = data()
    predicted = ops.convert_to_numpy(model(x))
    model.compile("sgd")
    flow = gradient_flow(model, x, y, depth=2)
    assert list(norms(flow)) == ["first", "last"]
    bias = -3 * np.mean((y - predicted) ** 2) / 1000
    last = {block.name: block.gradient_norm for block in flow.blocks[1].blocks}
    assert list(last) == ["last/kernel", "last/bias"]
    assert last["last/bias"] == pytest.approx(abs(bias), rel=1e-4)
    assert norms(flow)["last"] == pytest.approx(np.hypot(*last.values()))


def busy():
    """A model with all the state that could be disturbed, in the midst of training."""
    inputs = keras.Input((3,))
    x = layers.Dense(6, kernel_regularizer="l2")(inputs)
    x = layers.BatchNormalization()(x)
    x = layers.Dropout(0.3)(x)
    heads = kb.MultiHeadOutput(
        {"a": kb.heads.Regression(), "b": kb.heads.Regression()}, balancing="scale"
    )
    model = kb.MultiHeadModel(inputs, heads(x))
    arguments = heads.compile_args()
    model.compile(keras.optimizers.Adam(0.01), **arguments)
    return model


def state(model):
    return [
        ops.convert_to_numpy(v).tolist()
        for v in (
            *model.variables,
            *model.metrics_variables,
            *model.optimizer.variables,
        )
    ]


def test_the_model_is_as_it_was_and_trains_on_as_if_nothing_had_been():
    x, y = data()
    y = {"a": y, "b": 100 * y}
    results = []
    for measured in (True, False):
        keras.utils.set_random_seed(1)
        model = busy()
        own = model.optimizer
        if measured:  # before anything is built
            flow = gradient_flow(model, x, y)
            assert not own.built
        results.append([model.train_on_batch(x, y)])
        if measured:
            before, function = state(model), model.train_function
            again = gradient_flow(model, x, y, batch_size=4)
            assert state(model) == before
            assert model.optimizer is own
            assert model.train_function is function
            assert not model.run_eagerly
            assert norms(again) != norms(flow)
        results[-1].append(model.train_on_batch(x, y))
        results[-1].append(state(model))
    assert results[0] == results[1]


class Watch(keras.callbacks.Callback):
    def __init__(self, *batch):
        super().__init__()
        self.batch = batch
        self.losses = []

    def on_epoch_end(self, epoch, logs=None):
        self.losses.append(gradient_flow(self.model, *self.batch).loss)


def test_it_can_watch_a_fit():
    x, y = data()
    fits = []
    watch = Watch(x, y)
    for callbacks in ([watch], []):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
        model.compile("adam", "mse", metrics=["mae"], jit_compile=False)
        fits.append(model.fit(x, y, epochs=2, verbose=0, callbacks=callbacks).history)
    assert fits[0] == fits[1]
    assert watch.losses[1] < watch.losses[0]


def test_embeddings_and_saved_models(tmp_path):
    model = keras.Sequential(
        [
            keras.Input((4,)),
            layers.Embedding(9, 3),
            kb.ConvBlock(5, 3),
            layers.SimpleRNN(2),
        ]
    )
    x = np.array([[1, 2, 2, 3], [0, 1, 8, 2]])
    flow = gradient_flow(model, x, np.ones((2, 2)), loss="mse")
    assert [block.weights for block in flow.blocks] == [27, 55, 16]
    assert min(norms(flow).values()) > 0
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    again = gradient_flow(loaded, x, np.ones((2, 2)), loss="mse")
    assert again.to_dict() == flow.to_dict()


def test_float16_scales_the_loss_as_training_does():
    policy = keras.DTypePolicy("mixed_float16")
    keras.config.set_dtype_policy(policy)  # of the model, which scales the loss
    model = line(dtype=policy)
    # Gradients of 1e-7 and less, which float16 would round to nothing or little.
    model.compile("adam", "mse", loss_weights=1e-9)
    flow = gradient_flow(model, X, Y)
    assert norms(flow) == pytest.approx({"w": 60e-9, "v": 44e-9}, rel=2e-3)
    # At a scale of 2^15 these are beyond its range.
    flow = gradient_flow(model, X, Y, loss="mse")
    assert norms(flow) == pytest.approx({"w": 60, "v": 44}, rel=2e-3)
    assert not flow.warning


def test_bfloat16():
    flow = gradient_flow(line(dtype="bfloat16"), X, Y, loss="mse")
    assert norms(flow) == pytest.approx({"w": 60, "v": 44}, rel=0.05)
