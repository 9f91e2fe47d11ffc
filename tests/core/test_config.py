"""Configs of layers that users derive from ours."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb


@keras.saving.register_keras_serializable("tests")
class Halving(kb.ConvBlock):
    """Fixes one argument, adds another, passes the rest on."""

    def __init__(self, filters, rate=0.0, **kwargs):
        super().__init__(filters, strides=2, **kwargs)
        self.rate = rate


def test_a_subclass_is_saved_whole(tmp_path):
    block = Halving(4, rate=0.5, padding="valid", kernel_initializer="he_normal")
    inputs = keras.Input((9, 3))
    model = keras.Model(inputs, block(inputs))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    copy = again.layers[-1]
    assert (copy.filters, copy.rate, copy.strides, copy.padding) == (4, 0.5, 2, "valid")
    assert copy.options == {"kernel_initializer": "he_normal"}
    x = np.ones((1, 9, 3), "float32")
    np.testing.assert_array_equal(again(x), model(x))


def test_a_constructor_that_names_no_arguments_is_an_error():
    class Loose(kb.ConvBlock):
        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    with pytest.raises(TypeError, match="Loose: '__init__' must name its arguments"):
        Loose(4)


def test_a_config_holds_none_of_the_callers_objects():
    branches = [[layers.Dense(2)], []]
    block = kb.Parallel(branches)
    config = block.get_config()
    config["branches"].append("changed")
    branches.append("changed")
    assert len(block.branches) == len(block.get_config()["branches"]) == 2


def test_what_a_convolution_is_given_survives():
    block = kb.ConvBlock(2, activity_regularizer="l2", autocast=False)
    copy = kb.ConvBlock.from_config(block.get_config())
    copy(np.ones((1, 5, 3), "float32"))
    assert len(copy.losses) == 1
    assert not copy.autocast
