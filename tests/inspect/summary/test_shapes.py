"""`summary`: shapes that are given, unknown or of nested inputs."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerasblocks.inspect.summary import summary
from tests.inspect.summary.models import find, image_model


def test_unknown_sizes_and_input_shape():
    model = image_model(
        layers.Conv2D(4, 3, name="conv"),
        layers.GlobalAveragePooling2D(),
        layers.Dense(2),
        size=(None, None, 3),
    )
    found = summary(model)
    assert found.macs is None
    assert found.activation_bytes is None
    assert found.known_macs == 8
    assert "MACs: ? (at least 8)" in str(found)
    assert "? conv: " in str(found)
    assert summary(model, (None, 9, 11, 3)).macs == 7 * 9 * 27 * 4 + 8
    assert summary(model, (5, 9, 11, 3)).macs == 5 * (7 * 9 * 27 * 4 + 8)
    fixed = image_model(layers.Conv2D(4, 3), size=(8, 8, 3))
    assert summary(fixed, (None, 9, 11, 3)).macs == 7 * 9 * 27 * 4
    assert find(summary(fixed), fixed.layers[0].name).output_shape == (None, 6, 6, 4)


class Custom(keras.Model):
    """Layers of its own, in a loop, on parts of a dict, with a variable."""

    def __init__(self, times=3):
        super().__init__(name="custom")
        self.times = times
        self.step = layers.Dense(4, name="step")
        self.gate = self.add_weight(shape=(4, 4), initializer="normal")

    def call(self, inputs, training=False):
        x = inputs["b"]
        for _ in range(self.times):
            x = self.step(x)
        return {"x": -self.gate[0] * x, "y": self.gate @ ops.transpose(inputs["a"])}


def test_a_models_own_call_and_a_dict():
    shapes = {"a": (None, 4), "b": (None, 7)}
    with pytest.raises(ValueError, match="incompatible"):  # as called: 4 is not 7
        summary(Custom(), shapes)
    model = Custom()
    found = summary(model, {"a": (None, 4), "b": (None, 4)})
    assert not model.built
    assert found.macs == 3 * 16 + 16
    assert found.parameters == 20 + 16
    assert find(found, "step").shared is False
    assert [row.shared for row in found.root if row.name == "step"] == [
        *(False, True, True)
    ]
    model({"a": np.ones((1, 4)), "b": np.ones((1, 4))})
    assert summary(model).macs == found.macs


def test_nested_models_unbuilt_and_of_other_sizes():
    nested = keras.Sequential(
        [keras.Sequential([layers.Dense(8)]), layers.Conv1D(4, 1)]
    )
    assert summary(nested, (None, 5, 16)).macs == 5 * (16 * 8 + 8 * 4)
    assert not nested.built
    assert not nested.layers[0].built
    inputs = keras.Input((8, 8, 3))
    model = keras.Model(
        inputs, image_model(layers.Conv2D(4, 3), size=(8, 8, 3))(inputs)
    )
    found = summary(model, (None, 16, 18, 3))
    assert find(found, model.layers[1].name).output_shape == (None, 14, 16, 4)
    assert found.macs == 14 * 16 * 27 * 4


def test_text_and_unknown_lengths():
    hashing = layers.Hashing(8)
    assert summary(hashing, keras.KerasTensor((None, 4), "string")).macs == 0
    found = summary(layers.LSTM(3), (None, None, 4))
    assert found.macs is None
    assert "(LSTMCell x ?)" in str(found)
    assert "how often it runs is not known" in str(found)
