"""Published networks whose blocks are one line of data each, to the last weight."""

import keras
import pytest
from keras import layers

import kerasblocks as kb


def resnext50(filters, strides):
    """Xie et al. 2017, table 1: ResNeXt-50 (32x4d)."""
    inner = filters // 2
    grouped = {"filters": inner, "kernel_size": 3, "strides": strides, "groups": 32}
    return [(inner, 1), grouped, (filters, 1)]


def se_resnet50(filters, strides):
    """Hu et al. 2018, table 1: SE-ResNet-50."""
    inner = filters // 4
    return [(inner, 1), (inner, 3, strides), (filters, 1), kb.SqueezeExcite(16)]


def regnet_y(width, strides, before):
    """Radosavovic et al. 2020: the Y block, with groups of 8 channels."""
    grouped = {"filters": width, "kernel_size": 3, "strides": strides}
    gate = kb.SqueezeExcite(units=round(before / 4))
    return [(width, 1), {**grouped, "groups": width // 8}, gate, (width, 1)]


def resnet(branch):
    inputs = keras.Input((224, 224, 3))
    x = kb.Pooling("max", 3, 2)(kb.ConvBlock(64, 7, 2)(inputs))
    for filters, blocks in ((256, 3), (512, 4), (1024, 6), (2048, 3)):
        for block in range(blocks):
            strides = 2 if block == 0 and filters > 256 else 1
            x = kb.ResidualBlock(branch=branch(filters, strides))(x)
    x = layers.Dense(1000)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


def regnet_y_400mf():
    inputs = keras.Input((224, 224, 3))
    x = kb.ConvBlock(32, 3, 2)(inputs)
    for width, blocks in ((48, 1), (104, 3), (208, 6), (440, 6)):
        for block in range(blocks):
            before = x.shape[-1]
            branch = regnet_y(width, 1 if block else 2, before)
            x = kb.ResidualBlock(branch=branch)(x)
    x = layers.Dense(1000)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, x)


@pytest.mark.parametrize(
    ("make", "trainable"),
    [
        (lambda: resnet(resnext50), 25_028_904),
        (lambda: resnet(se_resnet50), 28_088_024),
        (regnet_y_400mf, 4_344_144),
    ],
    ids=["ResNeXt-50", "SE-ResNet-50", "RegNetY-400MF"],
)
def test_trainable_parameters_are_the_published_ones(make, trainable):
    found = kb.summary(make)
    assert found.root.trainable == trainable
    assert found.root.output_shape == (None, 1000)
