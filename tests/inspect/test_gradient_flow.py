"""`gradient_flow`: its norms are right, and the model does not feel it."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.gradient_flow import gradient_flow
from kerasblocks.inspect.gradients.plot import plot_flows

pytestmark = pytest.mark.table


def data(rows=8, seed=0):
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 3)).astype("float32")
    return x, x.sum(axis=1, keepdims=True)


def line(dtype=None, **kwargs):
    """y = v * (w . x), with w = (1, 2) and v = 3."""
    model = keras.Sequential(
        [
            keras.Input((2,), dtype="float32"),
            layers.Dense(1, use_bias=False, name="w", dtype=dtype, **kwargs),
            layers.Dense(1, use_bias=False, name="v", dtype=dtype),
        ]
    )
    model.set_weights([np.array([[1.0], [2.0]]), np.array([[3.0]])])
    return model


# w.x = 11, the prediction is 33. Of (33 - y)^2 with y = 31 the gradient by w is
# 2 * 2 * 3 * (3, 4), of norm 60, and by v it is 2 * 2 * 11 = 44.
X, Y = np.array([[3.0, 4.0]], "float32"), np.array([[31.0]], "float32")


def norms(flow):
    return {block.name: block.gradient_norm for block in flow.blocks}


def notes(flow):
    return {block.name: block.note for block in flow.blocks}


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


class Cubed(keras.Model):
    """A model with a loss of its own, which declares its last layer first."""

    def __init__(self):
        super().__init__()
        self.last = layers.Dense(1, name="last")
        self.first = layers.Dense(2, name="first")

    def call(self, inputs, training=None):
        return self.last(self.first(inputs))

    def compute_loss(
        self, x=None, y=None, y_pred=None, sample_weight=None, training=True
    ):
        assert training
        return ops.mean((y - y_pred) ** 3) / 1000


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


def test_blocks_inside_blocks_and_weights_inside_layers():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([layers.Dense(3), layers.ReLU()], name="inner")
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.BatchNormalization(name="norm"),
            kb.Residual(inner, name="residual"),
            layers.GlobalAveragePooling1D(),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    flow = gradient_flow(model, x, np.zeros((2, 3)), loss="mse", depth=None)
    norm, residual = flow.blocks
    assert [b.name for b in norm.blocks] == ["norm/gamma", "norm/beta"]
    assert norm.weights == 6  # without the moving statistics
    (nested,) = residual.blocks
    (dense,) = nested.blocks
    assert dense.name == "residual/inner/dense"
    assert [block.weights for block in dense.blocks] == [9, 3]
    parts = [block.gradient_norm for block in dense.blocks]
    for block in (dense, nested, residual):
        assert block.gradient_norm == pytest.approx(np.hypot(*parts))
    for depth, count in ((1, 0), (2, 1)):
        same = gradient_flow(model, x, np.zeros((2, 3)), loss="mse", depth=depth)
        assert len(same.blocks[1].blocks) == count
        assert norms(same) == pytest.approx(norms(flow), rel=1e-5)


def test_frozen_and_shared_weights_and_those_out_of_reach():
    inputs = keras.Input((3,))
    encoder = keras.Sequential(
        [layers.Dense(3, name="one"), layers.Dense(3, name="two")], name="encoder"
    )
    tower = keras.Sequential([encoder, layers.Dense(3)], name="tower")
    frozen = layers.Dense(3, name="frozen", trainable=False)
    cut = layers.Dense(3, name="cut")
    dead = layers.Dense(3, activation="relu", name="dead")
    x = encoder(inputs) + tower(inputs) + frozen(inputs) + dead(inputs)
    x = x + ops.stop_gradient(cut(inputs))
    model = keras.Model(inputs, layers.Dense(1, name="last")(x))
    dead.set_weights([dead.get_weights()[0], np.full(3, -1000.0)])
    encoder.layers[1].trainable = False
    flow = gradient_flow(model, *data(), loss="mse")
    assert notes(flow) == {
        "encoder": "partly frozen",
        "tower": "partly shared with 'encoder'",
        "frozen": "frozen",
        "dead": "",
        "cut": "no gradient",
        "last": "",
    }
    found = norms(flow)
    assert (found["frozen"], found["cut"], found["dead"]) == (None, None, 0.0)
    assert min(found["encoder"], found["tower"]) > 0
    counts = {block.name: block.weights for block in flow.blocks}
    assert counts == dict.fromkeys(counts, 12) | {"last": 4}
    whole = gradient_flow(model, *data(), loss="mse", depth=2)
    encoder_rows = [(b.name, b.note) for b in whole.blocks[0].blocks]
    assert encoder_rows == [("encoder/one", ""), ("encoder/two", "frozen")]
    again, _ = whole.blocks[1].blocks
    assert again.note == "shared with 'encoder'"
    assert again.gradient_norm is again.weight_norm is again.ratio is None


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


class Root(keras.layers.Layer):
    def call(self, inputs):
        return ops.sqrt(inputs)


def test_what_is_not_finite_is_said_at_once():
    keras.utils.set_random_seed(0)
    names = ("one", "two", "three")
    model = keras.Sequential(
        [keras.Input((3,)), *(layers.Dense(3, name=name) for name in names)]
    )
    x, y = data()
    y = np.tile(y, 3)
    bad = np.where(np.eye(3), np.nan, x[:3])
    with pytest.warns(RuntimeWarning, match=r"^gradient_flow: the loss is nan: 'x' is"):
        gradient_flow(model, bad, y[:3], loss="mse")
    with pytest.warns(RuntimeWarning, match="loss is nan, though the output of every"):
        gradient_flow(model, x, y * np.nan, loss="mse")
    kernel, bias = model.layers[1].get_weights()
    model.layers[1].set_weights([kernel, bias * np.nan])
    with pytest.warns(RuntimeWarning, match="the output of 'two' is not finite"):
        flow = gradient_flow(model, x, y, loss="mse")
    assert flow.warning in str(flow).replace("\n", " ")
    assert flow.warning in flow._repr_html_().replace("&#x27;", "'")

    # The square root of 0 is finite, and its gradient is not.
    first, second = layers.Dense(3, name="first"), layers.Dense(3, name="second")
    first_half = layers.Dense(3, name="zero", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((3,)), first, first_half, Root(), second])
    with pytest.warns(RuntimeWarning, match="on its way back .* first in 'zero'$"):
        flow = gradient_flow(model, x, y, loss="mse")
    assert notes(flow)["zero"] == "not finite"
    assert np.isfinite(norms(flow)["second"])


def test_the_table_in_text_and_html_and_json_and_a_picture(tmp_path):
    model = line()
    model.layers[0].trainable = False
    flow = gradient_flow(model, X, Y, loss="mse", depth=2)
    title, head, *rows = [text for text in str(flow).splitlines() if text.strip()]
    assert title.strip() == "loss 4, gradients on 1 sample"
    assert " ".join(head.split()) == "block gradient norm weight norm ratio weights"
    cells = [row.split() for row in rows[1:]]
    assert cells == [
        ["w", "-", "2.24", "-", "2", "frozen"],
        ["kernel", "-", "2.24", "-", "2", "frozen"],
        ["v", "44", "3", "14.7", "1"],
        ["kernel", "44", "3", "14.7", "1"],
    ]
    page = flow._repr_html_()
    assert page.count("<tr>") == 5
    assert "  kernel</td>" in page
    written = json.loads(json.dumps(flow.to_dict()))
    assert written == flow.to_dict()
    assert written["blocks"][1]["blocks"][0]["name"] == "v/kernel"
    flow.plot(tmp_path / "new" / "flow.png")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["flow.png"]
    zero = gradient_flow(model, X, np.array([[33.0]]), loss="mse")
    assert norms(zero)["v"] == 0
    zero.plot(tmp_path / "zero.png")
    plot_flows({"some": flow, "none": zero}, tmp_path / "two.png")
    for file in (tmp_path / "new" / "flow.png", tmp_path / "two.png"):
        assert file.read_bytes().startswith(b"\x89PNG")
    with pytest.raises(ValueError, match="'flows' must name at least one flow"):
        plot_flows({}, tmp_path / "none.png")


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
        ((X[:0], Y[:0]), {}, r"'x' must have a sample, got shape \(0, 2\)"),
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
