"""MobileNetV2: Sandler et al., MobileNetV2: Inverted Residuals and Linear
Bottlenecks, CVPR 2018, table 2.
"""

import keras
from keras import layers

import kerasblocks as kb

STAGES = [
    # expansion, filters, blocks, strides of the first one
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
]
COMMON = {
    "normalization": layers.BatchNormalization(momentum=0.999),
    "activation": "relu6",
}


def inverted_residual(channels, filters, expansion, strides, name):
    """Wide inside and narrow outside, the narrow ends linear and added."""
    linear = {**COMMON, "activation": None}
    wide = kb.ConvBlock(expansion * channels, 1, name="expand", **COMMON)
    path = [
        *([wide] if expansion > 1 else []),
        kb.ConvBlock(
            None, 3, strides=strides, convolution="depthwise", name="filter", **COMMON
        ),
        kb.ConvBlock(filters, 1, name="project", **linear),
    ]
    unchanged = strides == 1 and filters == channels
    return kb.Residual(path, name=name) if unchanged else kb.Chain(path, name=name)


def mobilenet_v2(input_shape=(224, 224, 3), classes=1000):
    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(32, 3, strides=2, name="stem", **COMMON)(inputs)
    for stage, (expansion, filters, blocks, strides) in enumerate(STAGES, start=1):
        for block in range(1, blocks + 1):
            x = inverted_residual(
                x.shape[-1],
                filters,
                expansion,
                strides if block == 1 else 1,
                name=f"stage{stage}_block{block}",
            )(x)
    x = kb.ConvBlock(1280, 1, name="last", **COMMON)(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="mobilenet_v2")


if __name__ == "__main__":
    print(kb.summary(mobilenet_v2(), depth=1))
