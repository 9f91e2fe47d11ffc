"""A question about shapes costs no weights, then or later."""

import keras
import pytest

import kerasblocks as kb


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
