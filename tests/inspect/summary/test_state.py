"""`summary`: models and the global state of Keras are left alone."""

import random
import weakref
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.summary import summary
from tests.inspect.summary.models import image_model


def test_threads_and_summaries_within_do_not_meet():
    def ask(width):
        def make():
            return image_model(layers.Dense(summary(inner).parameters))

        def inner():
            return keras.Sequential([keras.Input((1,)), layers.Dense(width)])

        return summary(make).macs

    with ThreadPoolExecutor(4) as executor:
        assert list(executor.map(ask, range(1, 9))) == [
            64 * 4 * 2 * width for width in range(1, 9)
        ]
    assert keras.layers.Layer.__call__.__module__.startswith("keras.")
    assert "__init__" not in vars(keras.Variable) or (
        keras.backend.backend() != "tensorflow"
    )


def test_a_search_asks_before_it_pays():
    def build():
        model = keras.Sequential([keras.Input((10_000,)), layers.Dense(10_000)])
        model.compile(keras.optimizers.Adam(1e-3), "mse", metrics=["mae"])
        made.append(weakref.ref(model.layers[0].kernel))
        return model

    made = []
    keras.utils.set_random_seed(1)
    found = summary(build)
    assert found.parameters == 100_010_000
    with keras.StatelessScope():  # on leaving, Keras gives values to what it knows
        pass
    assert made[0]() is None or made[0]()._value is None


def test_the_global_state_is_left_alone():
    def names():
        return layers.Dense(1).name, layers.Dropout(0.5).name, random.random()

    random.seed(3)
    keras.utils.clear_session(free_memory=False)
    expected = names()
    random.seed(3)
    keras.utils.clear_session(free_memory=False)
    keras.config.set_dtype_policy("mixed_bfloat16")
    found = summary(lambda: image_model(layers.Dense(3), layers.Dropout(0.5)))
    assert found.root.dtype == "bfloat16"
    keras.config.set_dtype_policy("float32")
    assert names() == expected


def test_the_model_is_left_alone():
    class Counter(layers.Layer):
        def build(self, shape):
            self.calls = self.add_weight(shape=(), initializer="zeros", trainable=False)

        def call(self, x):
            self.calls.assign_add(1)
            return x

    inner = layers.Dense(4)
    model = image_model(kb.ResidualBlock(4), inner, Counter(), layers.Dense(2))
    nodes = [
        (len(one._inbound_nodes), len(one._outbound_nodes))
        for one in model._flatten_layers()
    ]
    before = model.get_weights()
    found = summary(model)
    assert found.macs is not None
    assert nodes == [
        (len(one._inbound_nodes), len(one._outbound_nodes))
        for one in model._flatten_layers()
    ]
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    assert keras.layers.Layer.__call__.__module__.startswith("keras.")
    again = keras.Sequential.from_config(model.get_config(), {"Counter": Counter})
    assert summary(again).macs == found.macs


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.Dense(4, name="outside"),
        lambda: kb.ConvBlock(4, name="outside"),  # makes layers as it is built
        lambda: keras.Sequential([layers.Dense(4)], name="outside"),
    ],
    ids=["layer", "block", "model"],
)
def test_a_layer_made_outside_the_function_is_not_built(make):
    layer = make()
    words = (
        r"^summary: 'outside' \(\w+\) is unbuilt and was created outside the function"
    )

    class Holds(keras.Model):
        def __init__(self):
            super().__init__()
            self.held = layer

        def call(self, x):
            return self.held(x)

    for function, shape in (
        (lambda: image_model(layer), None),
        (lambda: image_model(kb.Residual(layer)), None),
        (Holds, (None, 8, 8, 4)),
    ):
        with pytest.raises(ValueError, match=words):
            summary(function, shape)
        assert not any(one.built or one.weights for one in layer._flatten_layers())
    model = image_model(layer)
    expected = model.get_weights()
    assert summary(lambda: image_model(layer)).parameters == model.count_params()
    for old, new in zip(expected, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("optimizer", ["adam", "adafactor", "muon"])
def test_a_compiled_model_is_loaded_without_values(tmp_path, optimizer):
    model = keras.Sequential([keras.Input((3,)), layers.Dense(4)])
    model.compile(optimizer, "mse")
    model.train_on_batch(np.ones((2, 3)), np.ones((2, 4)))
    model.save(tmp_path / "model.keras")
    loaded = []

    def load():
        loaded.append(keras.models.load_model(tmp_path / "model.keras"))
        return loaded[0]

    assert summary(load).parameters == 16
    assert all(one._value is None for one in loaded[0].weights)
    assert len(loaded[0].optimizer.variables) == len(model.optimizer.variables)


def test_losses_of_the_last_call_are_kept():
    class Adds(keras.Model):
        def __init__(self):
            super().__init__()
            self.inner = layers.Dense(2, activity_regularizer="l2")

        def call(self, x):
            self.add_loss(ops.sum(x))
            return self.inner(x)

    model = Adds()
    model(np.ones((3, 4), "float32"))
    before = [ops.convert_to_numpy(loss) for loss in model.losses]
    assert summary(model).macs == 8
    assert [ops.convert_to_numpy(loss) for loss in model.losses] == before
    assert len(before) == 2
