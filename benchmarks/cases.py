"""Each block beside the same thing written by hand in plain Keras.

A case makes the outputs of a model from its inputs twice, with the same
arithmetic and as many weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers

import kerasblocks as kb

Wiring = Callable[..., Any]


@dataclass(frozen=True)
class Case:
    name: str
    block: Wiring
    by_hand: Wiring
    shape: tuple[int, ...]
    inputs: int = 1
    batch: int = 16
    heads: kb.MultiHeadOutput | None = None
    build_only: bool = False

    def model(self, wiring: Wiring) -> keras.Model:
        inputs = [keras.Input(self.shape) for _ in range(self.inputs)]
        outputs = wiring(*inputs)
        return keras.Model(inputs if self.inputs > 1 else inputs[0], outputs)


IMAGE = (32, 32, 64)


def conv(x, filters, size=3, strides=1, activation="relu"):
    x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False)(x)
    x = layers.BatchNormalization()(x)
    return layers.Activation(activation)(x) if activation else x


def separable(x):
    x = layers.SeparableConv2D(64, 3, padding="same", use_bias=False)(x)
    return layers.Activation("relu")(layers.BatchNormalization()(x))


def parallel_block(x):
    return kb.Parallel(
        [
            layers.Conv2D(64, 1),
            [layers.Conv2D(64, 1), layers.Conv2D(64, 3, padding="same")],
        ]
    )(x)


def parallel(x):
    deep = layers.Conv2D(64, 3, padding="same")(layers.Conv2D(64, 1)(x))
    return layers.Concatenate()([layers.Conv2D(64, 1)(x), deep])


def inception(x):
    """The module as the book writes it."""

    def conv(y, size, strides=1):
        return layers.Conv2D(128, size, strides, padding="same", activation="relu")(y)

    a = conv(x, 1, 2)
    b = conv(conv(x, 1), 3, 2)
    c = conv(layers.AveragePooling2D(3, 2, padding="same")(x), 3)
    d = conv(conv(conv(x, 1), 3), 3, 2)
    return layers.Concatenate()([a, b, c, d])


def residual_block(x):
    return kb.Residual(
        [
            layers.Conv2D(128, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(128, 3, padding="same"),
        ]
    )(x)


def residual(x):
    y = layers.Conv2D(128, 3, strides=2, padding="same", activation="relu")(x)
    y = layers.Conv2D(128, 3, padding="same")(y)
    return layers.Add()([y, layers.Conv2D(128, 1, strides=2)(x)])


def resnet_block(x):
    block = kb.ResidualBlock(128, strides=2)
    return block(x)


def resnet(x):
    y = conv(conv(x, 128, 3, 2), 128, activation=None)
    shortcut = conv(x, 128, 1, 2, activation=None)
    return layers.Activation("relu")(layers.Add()([y, shortcut]))


def xception(x):
    y = x
    for _ in range(2):
        y = layers.Activation("relu")(y)
        y = layers.SeparableConv2D(64, 3, padding="same", use_bias=False)(y)
        y = layers.BatchNormalization()(y)
    y = layers.MaxPooling2D(3, 2, padding="same")(y)
    return layers.Add()([y, conv(x, 64, 1, 2, activation=None)])


def squeeze_excite(x):
    gates = layers.Dense(8, "relu")(layers.GlobalAveragePooling2D()(x))
    gates = layers.Reshape((1, 1, 64))(layers.Dense(64, "sigmoid")(gates))
    return layers.Multiply()([x, gates])


def encoder():
    return keras.Sequential(
        [
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            layers.Conv2D(64, 3, strides=2, padding="same", activation="relu"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(64),
        ]
    )


def siamese_block(left, right):
    return kb.SiameseEncoder(encoder())([left, right])


def siamese(left, right):
    shared = encoder()
    return layers.Concatenate()([shared(left), shared(right)])


def maxout_block(x):
    return kb.Maxout(4)(layers.Dense(1024)(x))


def maxout(x):
    x = layers.Reshape((256, 4))(layers.Dense(1024)(x))
    return keras.ops.max(x, axis=-1)


def resnet50_deep(layer: Callable[[Any, int, int, int], Any]) -> Wiring:
    """The 53 convolutions of ResNet50, one after the other."""

    def wire(x):
        x = layer(x, 64, 7, 2)
        for filters, depth in ((64, 3), (128, 4), (256, 6), (512, 3)):
            for _ in range(depth):
                x = layer(x, filters, 1, 1)
                x = layer(x, filters, 3, 1)
                x = layer(x, 4 * filters, 1, 1)
            x = layer(x, 4 * filters, 1, 1)
        return x

    return wire


def heads_case(tasks: dict[str, Any], separate: dict[str, tuple[int, Any]]) -> Case:
    """Heads over the 2048 features of a ResNet50."""

    def block(x):
        return kb.MultiHeadOutput(tasks)(x)

    def by_hand(x):
        return {
            name: layers.Dense(units, activation=activation, name=name)(x)
            for name, (units, activation) in separate.items()
        }

    return Case(
        f"MultiHeadOutput, {len(tasks)}",
        block,
        by_hand,
        shape=(2048,),
        batch=256,
        heads=kb.MultiHeadOutput(tasks),
    )


THE_BOOKS_HEADS = heads_case(
    {
        "age": kb.heads.Regression(),
        "income": kb.heads.Multiclass(10),
        "gender": kb.heads.Binary(),
    },
    {"age": (1, None), "income": (10, "softmax"), "gender": (1, "sigmoid")},
)
# As many as the attributes of a face in CelebA.
FORTY_HEADS = heads_case(
    {f"attribute_{i:02}": kb.heads.Binary() for i in range(40)},
    {f"attribute_{i:02}": (1, "sigmoid") for i in range(40)},
)

CASES = [
    Case("ConvBlock", lambda x: kb.ConvBlock(64, 3)(x), lambda x: conv(x, 64), IMAGE),
    Case(
        "ConvBlock, separable",
        lambda x: kb.ConvBlock(64, 3, convolution="separable")(x),
        separable,
        IMAGE,
    ),
    Case("Parallel", parallel_block, parallel, IMAGE),
    Case(
        "InceptionBlock",
        lambda x: kb.InceptionBlock(128, strides=2, normalization=None)(x),
        inception,
        (28, 28, 256),
        batch=4,
    ),
    Case("Residual", residual_block, residual, IMAGE),
    Case(
        "ResidualBlock",
        resnet_block,
        resnet,
        IMAGE,
    ),
    Case(
        "XceptionBlock",
        lambda x: kb.XceptionBlock(64, strides=2)(x),
        xception,
        IMAGE,
    ),
    Case("SqueezeExcite", lambda x: kb.SqueezeExcite(8)(x), squeeze_excite, IMAGE),
    Case("SiameseEncoder", siamese_block, siamese, IMAGE, inputs=2),
    Case("Maxout", maxout_block, maxout, (512,), batch=256),
    THE_BOOKS_HEADS,
    FORTY_HEADS,
    Case(
        "53 ConvBlocks",
        resnet50_deep(lambda x, f, k, s: kb.ConvBlock(f, k, strides=s)(x)),
        resnet50_deep(conv),
        (64, 64, 3),
        build_only=True,
    ),
]
