"""InceptionV3: Szegedy et al., Rethinking the Inception Architecture for Computer
Vision, CVPR 2016, table 1 and figures 5 to 7.

As in `keras.applications.InceptionV3`: without the auxiliary head.
"""

import keras
from keras import layers

import kerasblocks as kb


def squares(pool):
    """Figure 5: 5x5, and 3x3 twice."""
    return [
        [(64, 1)],
        [(48, 1), (64, 5)],
        [(64, 1), (96, 3), (96, 3)],
        [("average", 3), (pool, 1)],
    ]


def factorized(width):
    """Figure 6: 7x7 as 1x7 and 7x1."""
    row, column = (1, 7), (7, 1)
    return [
        [(192, 1)],
        [(width, 1), (width, row), (192, column)],
        [(width, 1), (width, column), (width, row), (width, column), (192, row)],
        [("average", 3), (192, 1)],
    ]


FORK = [[(384, (1, 3))], [(384, (3, 1))]]
WIDE = [  # Figure 7: branches that fork
    [(320, 1)],
    [(384, 1), FORK],
    [(448, 1), (384, 3), FORK],
    [("average", 3), (192, 1)],
]
HALF = {"strides": 2, "padding": "valid"}
REDUCE_1 = [
    [(384, 3, 2, "valid")],
    [(64, 1), (96, 3), (96, 3, 2, "valid")],
    [("max", 3, 2, "valid")],
]
REDUCE_2 = [
    [(192, 1), (320, 3, 2, "valid")],
    [(192, 1), (192, (1, 7)), (192, (7, 1)), (192, 3, 2, "valid")],
    [("max", 3, 2, "valid")],
]
MODULES = [
    *(squares(32), squares(64), squares(64), REDUCE_1),
    *(factorized(128), factorized(160), factorized(160), factorized(192), REDUCE_2),
    *(WIDE, WIDE),
]


def inception_v3(input_shape=(299, 299, 3), classes=1000):
    normalization = layers.BatchNormalization(scale=False)
    inputs = keras.Input(input_shape)
    x = kb.ConvBlock(32, 3, normalization=normalization, **HALF)(inputs)
    x = kb.ConvBlock(32, 3, padding="valid", normalization=normalization)(x)
    x = kb.ConvBlock(64, 3, normalization=normalization)(x)
    x = kb.Pooling("max", 3, **HALF)(x)
    x = kb.ConvBlock(80, 1, normalization=normalization)(x)
    x = kb.ConvBlock(192, 3, padding="valid", normalization=normalization)(x)
    x = kb.Pooling("max", 3, **HALF)(x)
    for number, branches in enumerate(MODULES):
        x = kb.InceptionBlock(
            branches=branches, normalization=normalization, name=f"mixed{number}"
        )(x)
    x = layers.GlobalAveragePooling2D()(x)
    outputs = layers.Dense(classes, "softmax", name="predictions")(x)
    return keras.Model(inputs, outputs, name="inception_v3")


if __name__ == "__main__":
    print(kb.summary(inception_v3(), depth=1))
