"""Search a Siamese network that tells apart digits of which it has seen none.

    pip install "kerasblocks[optuna]"
    kerasblocks search tuning/siamese_digits.py

It learns from six digits, anywhere in an image, whether two images show the same one;
it is scored on two others and tested on the last two, as in one-shot learning (Lake et
al., 2011). The score is how often a pair of one digit looks more alike than a pair of
two: 0.5 by guess. And the fewer parameters, the better: Optuna's NSGA-II seeks the
front of the two, and no network of more than 50,000 is tried. What the encoder of the
best model is worth alone:

    model = kb.search.read("runs/siamese_digits").best_model()
    vectors = model.get_layer("siamese").encoder_model().predict(x)
    kb.metrics.one_shot_accuracy(vectors, y, ways=2)
"""

import keras
import numpy as np
from keras.initializers import Constant
from sklearn.datasets import load_digits

import kerasblocks as kb
from kerasblocks import spaces
from kerasblocks.spaces import among, between

SIZE, COPIES, PAIRS = 12, 4, 4096


def samples(*digits):
    """Some digits, each image anywhere on larger canvases, and their labels."""
    every, rng = load_digits(), np.random.default_rng(0)
    chosen = np.repeat(np.flatnonzero(np.isin(every.target, digits)), COPIES)
    x = np.zeros((len(chosen), SIZE, SIZE, 1), "float32")
    for canvas, image in zip(x, every.images[chosen], strict=True):
        row, column = rng.integers(0, SIZE - 8, 2, endpoint=True)
        canvas[row : row + 8, column : column + 8, 0] = image / 16
    return x, every.target[chosen]


def data():
    """Pairs, half of them of one digit; each part has digits of its own."""
    return kb.search.Splits(
        train=kb.data.Pairs(*samples(0, 1, 2, 3, 4, 5), 128, PAIRS),
        validation=kb.data.Pairs(*samples(6, 7), 512, 2048, fresh=False),
        test=kb.data.Pairs(*samples(8, 9), 512, 2048, fresh=False),
    )


def build(hp):
    """Three convolutions and a dense layer encode both images, by the same weights."""
    fixed = {
        "convolution": "standard",
        "kernel_size": 3,
        "activation": "relu",
        "filters": among(32, 16, 64),
    }
    # Of batch normalization, unseen digits would get the statistics of others.
    fixed |= {"normalization": among(None, "layer")}
    encoder = [
        kb.ConvBlock(**spaces.conv_block(hp, "first", strides=1, **fixed)),
        kb.ConvBlock(**spaces.conv_block(hp, "second", strides=2, **fixed)),
        kb.ConvBlock(**spaces.conv_block(hp, "third", strides=1, **fixed)),
        keras.layers.GlobalMaxPooling2D(),
        keras.layers.Dense(hp.Choice("features", [32, 16, 64])),
    ]
    siamese = kb.SiameseEncoder(encoder, merge="euclidean", name="siamese")
    images = [keras.Input((SIZE, SIZE, 1), name=name) for name in ("left", "right")]
    # From the start, the farther apart, the less alike.
    same = keras.layers.Dense(1, "sigmoid", kernel_initializer=Constant(-1.0))
    model = keras.Model(images, same(siamese(images)))
    rate = between(1e-3, 1e-2, log=True)
    model.compile(
        spaces.optimizer(hp, kind="adam", learning_rate=rate, clipnorm=None),
        loss="binary_crossentropy",
        metrics=[keras.metrics.AUC(name="auc")],
        # Compiling by XLA would take longer than a trial so short.
        jit_compile=False,
    )
    return model


study = kb.search.Study(
    name="siamese_digits",
    hypermodel=build,
    data=data,
    objective=["val_auc", "parameters"],
    oracle="nsga2",
    limits={"parameters": 50_000},
    trials=20,
    epochs=6,
)
