"""InceptionTime is the paper's network, and learns a series in a few epochs."""

import importlib.util
import runpy
from pathlib import Path

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from tests.table import randomize

ROOT = Path(__file__).parent.parent.parent
EXAMPLE = runpy.run_path(str(ROOT / "examples" / "networks" / "inception_time.py"))
inception_time = EXAMPLE["inception_time"]

# The tests of searches use the data in aeon's wheel alone, without what it needs.
needs_aeon = pytest.mark.skipif(
    not (importlib.util.find_spec("aeon") and importlib.util.find_spec("numba")),
    reason="the extra aeon is not installed",
)


def in_plain_keras(input_shape, classes):
    x = inputs = keras.Input(input_shape)

    def conv(x, filters, size=1):
        return layers.Conv1D(filters, size, padding="same", use_bias=False)(x)

    for _ in range(2):
        start = x
        for _ in range(3):
            narrow = conv(x, 32) if x.shape[-1] > 1 else x
            branches = [conv(narrow, 32, size) for size in (40, 20, 10)]
            branches.append(conv(layers.MaxPooling1D(3, 1, "same")(x), 32))
            x = layers.BatchNormalization()(layers.Concatenate()(branches))
            x = layers.ReLU()(x)
        shortcut = layers.BatchNormalization()(conv(start, 128))
        x = layers.ReLU()(layers.Add()([shortcut, x]))
    x = layers.GlobalAveragePooling1D()(x)
    return keras.Model(inputs, layers.Dense(classes, "softmax")(x))


def in_aeon(input_shape, classes):
    from aeon.classification.deep_learning import IndividualInceptionClassifier

    return IndividualInceptionClassifier().build_model(input_shape, classes)


def with_weights(model, kind):
    return [layer for layer in model.layers if isinstance(layer, kind)]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    "reference",
    [in_plain_keras, pytest.param(in_aeon, marks=needs_aeon)],
    ids=["plain", "aeon"],
)
def test_the_network_is_the_reference_to_the_last_weight(reference, channels):
    model, other = inception_time((50, channels), 4), reference((50, channels), 4)
    assert model.count_params() == other.count_params()
    randomize(other)
    expanded = kb.expand(model)
    for kind in (layers.Conv1D, layers.BatchNormalization, layers.Dense):
        pairs = zip(
            with_weights(expanded, kind), with_weights(other, kind), strict=True
        )
        for layer, partner in pairs:
            layer.set_weights(partner.get_weights())
    x = np.random.default_rng(0).normal(size=(5, 50, channels)).astype("float32")
    ours, theirs = features(model, x), features(other, x)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5 * np.ptp(theirs))
    assert np.ptp(theirs, axis=0).max() > 0.1 * np.ptp(theirs)


def features(model, x):
    """What the last layer sees: a softmax would hide differences."""
    return run(keras.Model(model.input, model.layers[-1].input), x)


def run(model, x):
    return keras.ops.convert_to_numpy(model(x, training=False))


@pytest.mark.parametrize("channels", [1, 2])
def test_the_parameters_are_as_the_formula_counts_them(channels):
    def module(channels):
        narrow = 32 if channels > 1 else 1
        bottleneck = channels * 32 if channels > 1 else 0
        normalization = 4 * 128
        return bottleneck + narrow * 32 * (40 + 20 + 10) + channels * 32 + normalization

    shortcuts = (channels + 128) * 128 + 2 * 4 * 128
    modules = module(channels) + 5 * module(128)
    model = inception_time((24, channels), classes=6)
    assert model.count_params() == modules + shortcuts + (128 + 1) * 6


@pytest.mark.parametrize("length", [1, 7, 64])
def test_a_series_of_any_length(length):
    model = inception_time((None, 1), classes=3)
    outputs = run(model, np.ones((2, length, 1), "float32"))
    assert outputs.shape == (2, 3)
    np.testing.assert_allclose(outputs.sum(axis=-1), 1, rtol=1e-5)


def test_expand_is_bit_equal_and_names_the_parts():
    model = inception_time((30, 1), classes=3)
    expanded = kb.expand(model)
    x = np.random.default_rng(0).normal(size=(4, 30, 1)).astype("float32")
    np.testing.assert_array_equal(run(model, x), run(expanded, x))
    names = [layer.name for layer in expanded.layers]
    assert "residual1__branch__module1__normalization" in names
    assert "residual2__shortcut__convolution" in names


def test_the_rate_halves_as_late_in_the_schedule_as_in_the_paper():
    slower = EXAMPLE["slower"]
    assert [slower(epochs).patience for epochs in (1500, 300, 30)] == [50, 10, 5]


class WithoutXLA(keras.callbacks.Callback):
    """Under TensorFlow, which compiles this network for longer than it trains it."""

    def set_model(self, model):
        super().set_model(model)
        if keras.backend.backend() == "tensorflow":
            model.jit_compile = False


@needs_aeon
def test_a_few_epochs_learn_the_demand_for_power():
    from aeon.datasets import load_italy_power_demand

    def load(split):
        x, y = load_italy_power_demand(split=split)
        return x.transpose(0, 2, 1).astype("float32"), (y == "2").astype("int32")

    x, y = load("train")
    model = inception_time((24, 1), classes=2)
    EXAMPLE["train"](model, x, y, epochs=24, batch_size=6, callbacks=[WithoutXLA()])
    x_test, y_test = load("test")
    _, accuracy = model.evaluate(x_test, y_test, batch_size=256, verbose=0)
    assert accuracy > 0.9  # 0.968 after 60 epochs, and in the paper


def test_the_weights_at_the_end_are_those_of_the_best_epoch():
    model = keras.Sequential([keras.Input((3,)), layers.Dense(2, "softmax")])
    kept = Kept(losses=[3.0, 1.0, 2.0, 1.5])
    EXAMPLE["train"](model, np.eye(3), np.arange(3) % 2, epochs=4, callbacks=[kept])
    for weight, best in zip(model.get_weights(), kept.weights[1], strict=True):
        np.testing.assert_array_equal(weight, best)


class Kept(keras.callbacks.Callback):
    """Keeps the weights of each epoch, and tells the callbacks after it of losses."""

    def __init__(self, losses):
        super().__init__()
        self.losses = losses
        self.weights = []

    def on_epoch_end(self, epoch, logs=None):
        self.weights.append(self.model.get_weights())
        logs["loss"] = self.losses[epoch]
