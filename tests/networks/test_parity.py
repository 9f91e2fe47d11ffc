"""The published networks, made of blocks, against `keras.applications`."""

import importlib
import os

import keras
import numpy as np
import pytest

import kerasblocks as kb
from tests.networks import others
from tests.table import randomize

THOROUGH = os.environ.get("HYPOTHESIS_PROFILE") == "thorough"
SHAPE = (96, 96, 3)  # the weights do not depend on it

NETWORKS = [
    ("resnet50", "ResNet50", 25_636_712),
    ("inception_v3", "InceptionV3", 23_851_784),
    ("xception", "Xception", 22_910_480),
    ("mobilenet_v2", "MobileNetV2", 3_538_984),
]
OTHERS = [
    ("mobilenet_v3_small", "MobileNetV3Small", 2_554_968),
    ("densenet121", "DenseNet121", 8_062_504),
    ("resnet50_v2", "ResNet50V2", 25_613_800),
    ("efficientnet_b0", "EfficientNetB0", 5_330_571),
    ("inception_resnet_v2", "InceptionResNetV2", 55_873_736),
]


def network(name):
    if hasattr(others, name):
        return getattr(others, name)
    return getattr(importlib.import_module(f"examples.networks.{name}"), name)


@pytest.mark.parametrize(
    ("name", "application", "parameters"),
    NETWORKS + (OTHERS if THOROUGH else OTHERS[:1]),
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_blocks_compute_what_the_published_network_does(name, application, parameters):
    theirs = getattr(keras.applications, application)(weights=None, input_shape=SHAPE)
    ours = network(name)(SHAPE)
    randomize(theirs)
    assert ours.count_params() == theirs.count_params() == parameters
    kb.transfer_weights(theirs, ours)
    images = np.random.default_rng(1).uniform(-1, 1, (1, *SHAPE)).astype("float32")
    for get in (features, lambda model: model):
        one, other = (np.ravel(get(model)(images)) for model in (theirs, ours))
        np.testing.assert_allclose(other, one, rtol=0, atol=1e-5 * np.abs(one).max())
    expanded = kb.expand(ours)
    np.testing.assert_array_equal(expanded(images), ours(images))
    assert not [layer for layer in expanded.layers if is_block(layer)]


def features(model):
    """Of the whole image: where the classifier starts."""
    pooling = keras.layers.GlobalAveragePooling2D
    last = [layer for layer in model.layers if isinstance(layer, pooling)][-1]
    return keras.Model(model.input, last.output)


def is_block(layer):
    return type(layer).__module__.startswith("kerasblocks")


def test_features_from_inside_a_block():
    model = network("resnet50")((64, 64, 3))
    expanded = kb.expand(model)
    inner = expanded.get_layer("stage2_residual1__projection__convolution")
    features = keras.Model(expanded.input, inner.output)
    assert features.output.shape == (None, 16, 16, 256)
    images = np.ones((1, 64, 64, 3), "float32")
    before = keras.Model(model.input, model.layers[3].output)
    projection = model.get_layer("stage2_residual1").projection.layers[0]
    np.testing.assert_array_equal(features(images), projection(before(images)))
