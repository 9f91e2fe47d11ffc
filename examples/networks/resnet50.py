"""ResNet50: He et al., Deep Residual Learning for Image Recognition, CVPR 2016,
table 1, 50 layers.

As in `keras.applications.ResNet50`: the stride is at the first 1x1 convolution, and
convolutions have a bias.
"""

import keras
from keras import layers

import kerasblocks as kb

STAGES = [
    # filters, blocks, strides of the first one
    (256, 3, 1),
    (512, 4, 2),
    (1024, 6, 2),
    (2048, 3, 2),
]


def resnet50(input_shape=(224, 224, 3), classes=1000):
    common = {
        "normalization": layers.BatchNormalization(epsilon=1.001e-5),
        "use_bias": True,
    }
    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(64, 7, strides=2, padding=3, name="stem", **common)(inputs)
    x = layers.ZeroPadding2D(1)(x)
    x = kb.Pooling("max", 3, strides=2, padding="valid")(x)
    for stage, (filters, blocks, strides) in enumerate(STAGES, start=2):
        for block in range(1, blocks + 1):
            x = kb.ResidualBlock(
                filters,
                depth=1,
                strides=strides if block == 1 else 1,
                bottleneck=4,
                name=f"stage{stage}_residual{block}",
                **common,
            )(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="resnet50")


if __name__ == "__main__":
    print(kb.summary(resnet50(), depth=1))
