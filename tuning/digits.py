"""Search a small network of kerasblocks' layers on scikit-learn's digits.

    kerasblocks search tuning/digits.py

The 1,797 real images of 8x8 pixels come with scikit-learn. Copy this file to begin
a study of your own: change `data`, `build` and the settings at the end.
"""

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import kerasblocks as kb
from kerasblocks import spaces

# Moving averages that settle within the few steps of a short trial.
NORMALIZATION = keras.layers.BatchNormalization(momentum=0.9)


def data():
    """60 % to train on, 20 % to score trials on, 20 % that no trial sees."""
    digits = load_digits()
    x = digits.images[..., None].astype("float32") / 16
    y = digits.target
    x, x_test, y, y_test = train_test_split(
        x, y, test_size=0.2, stratify=y, random_state=0
    )
    x, x_validation, y, y_validation = train_test_split(
        x, y, test_size=0.25, stratify=y, random_state=0
    )
    return kb.search.Splits(
        train=(x, y), validation=(x_validation, y_validation), test=(x_test, y_test)
    )


def build(hp):
    """A stem, a residual block and an inception block, sized by the search."""
    fixed = {"normalization": NORMALIZATION, "activation": "relu"}
    stem = spaces.conv_block(
        hp, "stem", convolution="standard", kernel_size=3, strides=1, **fixed
    )
    residual = spaces.residual_block(
        hp, "residual", kernel_size=3, strides=2, pooling=None, bottleneck=None, **fixed
    )
    inception = spaces.inception_block(hp, "inception", strides=1, **fixed)
    model = keras.Sequential(
        [
            keras.Input((8, 8, 1)),
            kb.ConvBlock(**stem),
            kb.ResidualBlock(**residual),
            kb.InceptionBlock(**inception),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dropout(hp.Float("dropout", 0.0, 0.5, step=0.1)),
            keras.layers.Dense(10, activation="softmax"),
        ]
    )
    rate = hp.Float("learning_rate", 1e-3, 1e-2, sampling="log")
    model.compile(
        keras.optimizers.Adam(rate),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        # Compiling by XLA would take longer than a trial so short.
        jit_compile=False,
    )
    return model


study = kb.search.Study(
    name="digits",
    hypermodel=build,
    data=data,
    objective="val_accuracy",
    trials=12,
    epochs=10,
    batch_size=64,
    seed=0,
)
