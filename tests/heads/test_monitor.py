"""`HeadMonitor`: its records are right, and training does not change."""

import json

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb

pytestmark = pytest.mark.table


def data(rows=24, seed=0):
    """Inputs of three numbers, and labels of three kinds with some missing."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(rows, 3)).astype("float32")
    y = {
        "price": (40 * x[:, 0] + 100).astype("float32"),
        "kind": (x[:, 1] > 0).astype("int32") + (x[:, 1] > 1),
        "sold": (x[:, 2] > 0).astype("float32"),
    }
    y["price"][::5] = np.nan
    y["kind"][1::4] = -1
    return x, y


def three_heads(**kwargs):
    return kb.MultiHeadOutput(
        {
            "price": kb.heads.Regression(),
            "kind": kb.heads.Multiclass(3, missing=-1, hidden=[4]),
            "sold": kb.heads.Binary(),
        },
        **kwargs,
    )


def trunk(x):
    """Layers with all the state that a monitor could disturb."""
    x = layers.Dense(8, kernel_regularizer="l2")(x)
    x = layers.BatchNormalization()(x)
    x = layers.GaussianNoise(0.1)(layers.Dropout(0.3)(x))
    return layers.Dense(6, activation="tanh", activity_regularizer="l1")(x)


def functional(cls=kb.MultiHeadModel, **kwargs):
    heads = three_heads(**kwargs)
    inputs = keras.Input((3,))
    model = cls(inputs, heads(trunk(inputs)))
    model.compile(keras.optimizers.Adam(0.01), **heads.compile_args())
    return model


class Subclassed(kb.MultiHeadModel):
    def __init__(self):
        super().__init__()
        self.trunk = layers.Dense(6, activation="tanh")
        self.noise = layers.Dropout(0.3)
        self.heads = three_heads()

    def call(self, inputs):
        return self.heads(self.noise(self.trunk(inputs)))


def small():
    """A model that compiles fast."""
    heads = three_heads()
    inputs = keras.Input((3,))
    model = keras.Model(inputs, heads(layers.Dense(4)(inputs)))
    model.compile("adam", **heads.compile_args(), run_eagerly=True)
    return model


def subclassed():
    model = Subclassed()
    arguments = model.heads.compile_args({"price": 0.01, "kind": 2.0})
    model.compile(keras.optimizers.Adam(0.01), **arguments)
    return model


MODELS = {
    "keras.Model": lambda: functional(keras.Model),
    "scale": lambda: functional(balancing="scale"),
    "subclassed": subclassed,
}


def fit(make, callbacks, validation=None):
    keras.utils.set_random_seed(3)
    model = make()
    x, y = data()
    history = model.fit(
        x,
        y,
        epochs=2,
        batch_size=8,
        verbose=0,
        callbacks=callbacks,
        validation_data=validation,
    )
    return model, history.history


@pytest.mark.parametrize("name", MODELS)
def test_training_is_the_same_to_the_last_bit(name):
    monitor = kb.heads.HeadMonitor(*data(16, seed=1))
    watched, with_monitor = fit(MODELS[name], [monitor], data())
    alone, without = fit(MODELS[name], [], data())
    assert with_monitor == without
    for of in (lambda model: model.variables, lambda model: model.optimizer.variables):
        for one, other in zip(of(watched), of(alone), strict=True):
            ours, theirs = ops.convert_to_numpy(one), ops.convert_to_numpy(other)
            np.testing.assert_array_equal(ours, theirs)
    for records in monitor.history.values():
        assert [len(values) for values in records.values()] == [3, 3, 3]
        assert np.isfinite(list(records.values())).all()
        assert len(set(records["loss"])) == 3
    shares = [records["share"] for records in monitor.history.values()]
    np.testing.assert_allclose(np.sum(shares, axis=0), 1)


def linear(weights, hidden=()):
    """y = v * (w . x) for each head, from w = (1, 2); a column v for each head."""
    keras.utils.set_random_seed(0)
    heads = kb.MultiHeadOutput(
        {name: kb.heads.Regression(hidden=hidden) for name in weights}
    )
    inputs = keras.Input((2,))
    shared = layers.Dense(1, use_bias=False, name="shared")
    model = keras.Model(inputs, heads(shared(inputs)))
    shared.set_weights([np.array([[1.0], [2.0]])])
    model.compile("sgd", **heads.compile_args(weights))
    return model, heads


def set_columns(heads, columns):
    heads.dense.set_weights([np.array([columns]), np.zeros(len(columns))])


def test_a_linear_model_has_the_shares_worked_out_by_hand():
    model, heads = linear({"a": 1.0, "b": 0.5})
    set_columns(heads, [3.0, 4.0])
    # One sample x = (3, 4): w.x = 11, predictions 33 and 44. Of the loss (p - y)^2 the
    # gradient for w is 2 (p - y) v x, and |x| = 5.
    x = np.array([[3.0, 4.0]], "float32")
    y = {"a": np.array([31.0]), "b": np.array([45.0])}
    monitor = kb.heads.HeadMonitor(x, y)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[monitor])
    first = monitor.table()[:2]
    a, b = 2 * 2 * 3 * 5, 0.5 * 2 * 1 * 4 * 5
    assert first == [
        {"epoch": 0, "head": "a", "loss": 4.0, "weight": 1.0, "share": a / (a + b)},
        {"epoch": 0, "head": "b", "loss": 1.0, "weight": 0.5, "share": b / (a + b)},
    ]


def test_sample_weights_and_missing_labels_count():
    model, heads = linear({"a": 1.0, "b": 1.0})
    set_columns(heads, [1.0, 1.0])
    x = np.array([[1.0, 0.0], [0.0, 1.0]], "float32")  # predictions 1 and 2
    y = {"a": np.array([0.0, 0.0]), "b": np.array([np.nan, 0.0])}
    monitor = kb.heads.HeadMonitor(x, y, {"a": np.array([1.0, 0.0])})
    monitor.set_model(model)
    monitor.on_train_begin()
    # a: 1^2 over two samples, gradient (1, 0). b: 2^2 over the one, gradient (0, 4).
    assert monitor.history["a"] == {"loss": [0.5], "weight": [1.0], "share": [0.2]}
    assert monitor.history["b"] == {"loss": [4.0], "weight": [1.0], "share": [0.8]}


def test_a_head_without_labels_has_no_share():
    x, y = data()
    y["price"][:] = np.nan
    y["kind"][:] = -1
    monitor = kb.heads.HeadMonitor(x, y)
    fit(small, [monitor])
    for name in ("price", "kind"):
        assert monitor.history[name]["loss"] == [0.0] * 3
        assert monitor.history[name]["share"] == [0.0] * 3
    assert monitor.history["sold"]["share"] == [1.0] * 3


def test_a_layer_that_only_one_head_uses_is_not_shared():
    model, heads = linear({"a": 1.0, "b": 1.0}, hidden=[3])
    # Kernels of zeros at the end, for which all gradients before them are zero.
    for chain in heads.chains.values():
        *hidden, kernel, bias = chain.get_weights()
        chain.set_weights([*hidden, np.zeros_like(kernel), bias])
    monitor = kb.heads.HeadMonitor(np.ones((2, 2)), {"a": np.ones(2), "b": np.ones(2)})
    monitor.set_model(model)
    monitor.on_train_begin()
    shared = [model.trainable_variables[i].path for i in monitor._heads.shared]
    assert shared == ["shared/kernel"]
    assert monitor.history["a"] == {"loss": [1.0], "weight": [1.0], "share": [0.0]}


def test_weights_of_the_balancing_are_recorded():
    monitor = kb.heads.HeadMonitor(*data())
    model, _ = fit(MODELS["scale"], [monitor])
    heads = next(x for x in model.layers if isinstance(x, kb.MultiHeadOutput))
    current = ops.convert_to_numpy(heads.balancer.current_weights())
    records = [monitor.history[name]["weight"] for name in heads.heads]
    assert [weights[0] for weights in records] == [1.0, 1.0, 1.0]
    np.testing.assert_allclose([weights[-1] for weights in records], current)
    assert records[0][-1] < 0.01 < records[1][-1]


def test_a_model_of_keras_alone():
    keras.utils.set_random_seed(0)
    inputs = keras.Input((3,))
    x = layers.Dense(4, activation="tanh")(inputs)
    model = keras.Model(inputs, {"b": layers.Dense(1)(x), "a": layers.Dense(1)(x)})
    model.compile("sgd", {"a": "mae", "b": "mse"}, loss_weights={"a": 2.0, "b": 1.0})
    x = np.ones((4, 3), "float32")
    y = {"a": np.ones(4), "b": np.ones(4)}
    monitor = kb.heads.HeadMonitor(x, y)
    model.fit(x, y, epochs=1, verbose=0, callbacks=[monitor])
    losses = model.evaluate(x, y, verbose=0, return_dict=True)
    records = {name: monitor.history[name] for name in "ab"}
    assert {name: records[name]["weight"][-1] for name in records} == {
        "a": 2.0,
        "b": 1.0,
    }
    total = 2 * records["a"]["loss"][-1] + records["b"]["loss"][-1]
    np.testing.assert_allclose(total, losses["loss"], rtol=1e-5)


def test_a_second_fit_goes_on_and_another_model_begins_anew():
    x, y = data()
    monitor = kb.heads.HeadMonitor(x, y)
    model, _ = fit(small, [monitor])
    model.fit(x, y, epochs=1, verbose=0, callbacks=[monitor])
    assert len(monitor.table()) == 4 * 3
    fit(small, [monitor])
    assert len(monitor.table()) == 3 * 3


def test_history_is_json_and_a_table_and_a_picture(tmp_path):
    monitor = kb.heads.HeadMonitor(*data())
    assert str(monitor) == "HeadMonitor: nothing recorded yet"
    with pytest.raises(ValueError, match="nothing to plot before training"):
        monitor.plot(tmp_path / "heads.png")
    fit(small, [monitor])
    assert json.loads(json.dumps(monitor.history)) == monitor.history
    head, columns, *rows = str(monitor).splitlines()
    assert head.split() == ["price", "kind", "sold"]
    assert columns.split() == ["epoch", *["loss", "weight", "share"] * 3]
    assert [row.split()[0] for row in rows] == ["0", "1", "2"]
    monitor.plot(tmp_path / "new" / "heads.png")
    assert [file.name for file in (tmp_path / "new").iterdir()] == ["heads.png"]
    assert (tmp_path / "new" / "heads.png").read_bytes().startswith(b"\x89PNG")


def begin(model, y, x=None):
    x = np.ones((4, 3), "float32") if x is None else x
    monitor = kb.heads.HeadMonitor(x, y)
    monitor.set_model(model)
    monitor.on_train_begin()


def two_outputs(inputs, x):
    return {"a": layers.Dense(1)(x), "b": layers.Dense(1)(x)}


TWO = {"a": np.ones(4), "b": np.ones(4)}


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ([1, 2], r"'y' must be a dict of labels by the names of the heads, got \[1, 2"),
        ({}, "'y' must be a dict of labels"),
    ],
)
def test_labels_that_are_no_dict(labels, words):
    with pytest.raises(ValueError, match=f"HeadMonitor: {words}"):
        kb.heads.HeadMonitor(np.ones((4, 3)), labels)


def test_sample_weights_of_no_head():
    with pytest.raises(ValueError, match=r"names 'prise', but .* did you mean 'price'"):
        kb.heads.HeadMonitor(*data(), {"prise": np.ones(24)})


def test_models_that_cannot_be_watched():
    inputs = keras.Input((3,))
    x = layers.Dense(4)(inputs)
    model = keras.Model(inputs, two_outputs(inputs, x))
    model.compile("sgd", {"a": "mse", "b": "mse"})
    with pytest.raises(ValueError, match="HeadMonitor: 'y' lacks 'b'; the heads are"):
        begin(model, {"a": np.ones(4)})
    with pytest.raises(ValueError, match="'y' names 'c', but the heads are 'a', 'b'"):
        begin(model, {**TWO, "c": np.ones(4)})

    model.layers[1].trainable = False
    with pytest.raises(ValueError, match="must share a trainable weight, got none"):
        begin(model, TWO)

    single = keras.Model(inputs, layers.Dense(1)(x))
    single.compile("sgd", "mse")
    with pytest.raises(
        ValueError, match=r"a dict of losses by the names .*, got 'mse'"
    ):
        begin(single, TWO)

    listed = keras.Model(
        inputs, [layers.Dense(1, name="a")(x), layers.Dense(1, name="b")(x)]
    )
    listed.compile("sgd", {"a": "mse", "b": "mse"})
    with pytest.raises(ValueError, match="the model's output must be a dict"):
        begin(listed, TWO)
