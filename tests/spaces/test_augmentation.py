"""Random changes: only in training, only those that were chosen, at any size."""

import keras
import keras_tuner as kt
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kerasblocks import spaces
from kerasblocks.blocks.augment import Augment
from kerasblocks.testing import configs
from tests.spaces.reading import searched

CHANGES = {
    "shift": "RandomTranslation",
    "rotation": "RandomRotation",
    "zoom": "RandomZoom",
    "contrast": "RandomContrast",
}


@settings(max_examples=max(8, settings().max_examples // 4))
@given(
    configs(lambda hp: (spaces.image_augmentation(hp), dict(hp.values))),
    st.tuples(st.integers(1, 5), st.integers(1, 5)),
)
def test_images_keep_their_shape_and_in_inference_their_values(reading, sizes):
    config, values = reading
    made = [type(layer).__name__ for layer in config["layers"]]
    wanted = [c for name, c in CHANGES.items() if values[f"augmentation/{name}"]]
    assert made == wanted
    x = np.linspace(0, 9, 2 * sizes[0] * sizes[1] * 3, dtype="float32")
    x = x.reshape(2, *sizes, 3)
    chain = Augment(**config)
    assert chain(x, training=True).shape == x.shape
    np.testing.assert_allclose(keras.ops.convert_to_numpy(chain(x)), x, rtol=1e-5)


@given(
    configs(lambda hp: (spaces.sequence_augmentation(hp), dict(hp.values))),
    st.integers(1, 5),
)
def test_sequences_keep_their_shape_and_in_inference_their_values(reading, steps):
    config, values = reading
    assert len(config["layers"]) == sum(value > 0 for value in values.values())
    chain = Augment(**config)
    x = np.ones((2, steps, 3), "float32")
    assert chain(x, training=True).shape == x.shape
    np.testing.assert_array_equal(keras.ops.convert_to_numpy(chain(x)), x)


def test_scaling_is_one_factor_for_each_channel():
    config = spaces.sequence_augmentation(kt.HyperParameters(), jitter=0.0, scaling=0.2)
    x = np.ones((4, 6, 3), "float32")
    y = keras.ops.convert_to_numpy(Augment(**config)(x, training=True))
    assert (y == y[:, :1]).all()
    assert len(np.unique(y)) == 12
    assert y.std() == pytest.approx(0.2, abs=0.1)


def test_a_flip_is_there_when_asked_for():
    config = spaces.image_augmentation(
        kt.HyperParameters(), flip=spaces.among("horizontal", None)
    )
    assert type(config["layers"][0]).__name__ == "RandomFlip"
    names = [p.name for p in searched(spaces.image_augmentation).values()]
    assert not any("flip" in name for name in names)
