"""Residual connections make a deep stack of convolutions train.

Twenty convolutions on scikit-learn's digits, in ten pairs: with the input of each pair
added to its output (section 7.1.4 of Deep Learning with Python), and without.
"""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb

# The filters and the stride of each pair: 8x8, then 4x4, then 2x2.
PAIRS = [(16, 1)] * 4 + [(32, 2)] + [(32, 1)] * 2 + [(64, 2)] + [(64, 1)] * 2


def load():
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )


def residual_pair(filters, strides):
    return kb.ResidualBlock(filters, strides=strides, order="book", normalization=None)


def plain_pair(filters, strides):
    return kb.Chain(
        [
            kb.ConvBlock(filters, 3, strides=strides, normalization=None),
            kb.ConvBlock(filters, 3, normalization=None),
        ]
    )


def build(pair):
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            *(pair(filters, strides) for filters, strides in PAIRS),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def accuracy(pair, epochs):
    keras.utils.set_random_seed(0)
    x, x_test, y, y_test = load()
    model = build(pair)
    model.compile("adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    return model.evaluate(x_test, y_test, verbose=0)[1]


def main(epochs=6):
    residual = accuracy(residual_pair, epochs)
    plain = accuracy(plain_pair, epochs)
    print(f"test accuracy after {epochs} epochs:")
    print(f"  with residual connections {residual:.3f}")
    print(f"  without                   {plain:.3f}")
    return residual, plain


if __name__ == "__main__":
    main()
