"""A question about shapes costs no weights, then or later."""

from concurrent.futures import ThreadPoolExecutor

import keras
import pytest

import kerasblocks as kb
from kerasblocks.core.without_values import without_values


def test_weights_of_a_copy_get_no_value_later(monkeypatch):
    made = []
    zeros = keras.initializers.Zeros.__call__

    def noted(self, *args, **kwargs):
        made.append(self)
        return zeros(self, *args, **kwargs)

    monkeypatch.setattr(keras.initializers.Zeros, "__call__", noted)
    block = kb.ConvBlock(4, kernel_initializer="zeros", normalization=None)
    assert block.compute_output_shape((None, 8, 8, 3)) == (None, 8, 8, 4)
    with keras.StatelessScope():
        pass  # Keras gives a value to all variables that wait for one
    assert not made
    block.build((None, 8, 8, 3))
    assert len(made) == 2


def test_an_error_of_the_copy_is_the_users():
    with pytest.raises(ValueError, match="must have 1, 2 or 3 spatial axes"):
        kb.ConvBlock(4).compute_output_shape((None, 8))


def test_a_question_keeps_the_policy_and_the_seeds():
    keras.utils.set_random_seed(3)
    first = keras.layers.Dense(2).kernel_initializer.seed
    keras.utils.set_random_seed(3)
    block = kb.ConvBlock(4, dtype="mixed_bfloat16")
    block.compute_output_shape((None, 8, 8, 3))
    spec = block.compute_output_spec(keras.KerasTensor((None, 8, 8, 3)))
    assert spec.dtype == "bfloat16"
    assert keras.layers.Dense(2).kernel_initializer.seed == first


class Unregistered(keras.layers.Layer):
    def call(self, x):
        return x


def test_a_question_knows_the_callers_custom_objects():
    block = kb.Residual(Unregistered())
    with keras.saving.custom_object_scope({"Unregistered": Unregistered}):
        assert block.compute_output_shape((None, 4)) == (None, 4)
        assert kb.summary(block, (None, 4)).macs == 0
        assert without_values(
            lambda: keras.saving.get_registered_object("Unregistered")
        )
    assert (
        without_values(lambda: keras.saving.get_registered_object("Unregistered"))
        is None
    )


def test_a_question_copies_no_layer_that_declares_its_shape():
    block = kb.Residual(keras.layers.Lambda(lambda x: 2 * x))
    assert block.compute_output_shape((None, 4)) == (None, 4)
    assert not block.built


@keras.saving.register_keras_serializable(package="test_without_values")
class Undeclared(keras.layers.Layer):
    """Runs a layer, and declares no shape."""

    def __init__(self, layer, **kwargs):
        super().__init__(**kwargs)
        self.layer = layer

    def call(self, inputs):
        return self.layer(inputs)

    def get_config(self):
        layer = keras.saving.serialize_keras_object(self.layer)
        return {**super().get_config(), "layer": layer}

    @classmethod
    def from_config(cls, config):
        layer = keras.saving.deserialize_keras_object(config["layer"])
        return cls(**{**config, "layer": layer})


def test_a_question_reads_lambdas_where_the_caller_does():
    block = kb.Residual(Undeclared(keras.layers.Lambda(lambda x: 2 * x)))

    def ask():
        return block.compute_output_shape((None, 4))

    def ask_where_allowed():
        keras.config.enable_unsafe_deserialization()
        return ask(), kb.summary(block, (None, 4)).macs

    with ThreadPoolExecutor(1) as executor:  # the leave is for a thread, for good
        assert executor.submit(ask_where_allowed).result() == ((None, 4), 0)
    with pytest.raises(ValueError, match="enable_unsafe_deserialization"):
        ask()


def test_a_question_builds_no_layer_made_elsewhere():
    layer = keras.layers.Dense(3, name="shared")

    def make():
        return keras.Sequential([keras.Input((4,)), layer])

    with pytest.raises(
        ValueError, match=r"Layer 'shared' \(Dense\) is unbuilt and was created"
    ):
        without_values(make)
    assert not layer.built
    assert make().count_params() == 15
