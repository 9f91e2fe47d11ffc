"""An Inception module classifies handwritten digits.

Four branches look at each 8x8 image at several scales, and their features are
concatenated: section 7.1.4 of Deep Learning with Python, on scikit-learn's digits.
"""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb


def load():
    digits = load_digits()
    images = digits.images[..., None].astype("float32") / 16
    return train_test_split(
        images, digits.target, test_size=0.2, stratify=digits.target, random_state=0
    )


def build():
    return keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kb.ConvBlock(32, 3, normalization=None),
            kb.InceptionBlock((16, 32, 16, 32), strides=2, normalization=None),
            keras.layers.Flatten(),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )


def main(epochs=8):
    keras.utils.set_random_seed(0)
    x, x_test, y, y_test = load()
    model = build()
    model.compile(
        keras.optimizers.Adam(3e-3),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    model.fit(x, y, batch_size=64, epochs=epochs, verbose=0)
    _, accuracy = model.evaluate(x_test, y_test, verbose=0)
    print(f"{model.count_params():,} parameters, test accuracy {accuracy:.3f}")
    return accuracy


if __name__ == "__main__":
    main()
