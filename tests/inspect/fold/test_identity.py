"""`fold`: layers that do nothing in inference are removed."""

import numpy as np
from keras import layers

from kerasblocks.inspect.fold import fold
from tests.inspect.fold.checks import BatchNorm, assert_folds, chain, images, kinds
from tests.table import arrays

IDLE = [
    layers.ActivityRegularization(0.1),
    layers.AlphaDropout(0.5),
    layers.Dropout(0.5),
    layers.GaussianDropout(0.5),
    layers.GaussianNoise(1.0),
    layers.Identity(),
    layers.SpatialDropout2D(0.5),
    layers.Activation("linear"),
]


def test_what_does_nothing_goes():
    model = chain((6, 6, 3), layers.ReLU(), *IDLE)
    assert_folds(model, "ReLU")
    model = chain((6, 6, 3), *IDLE)
    assert_folds(model)  # a model of an input alone


def test_what_casts_stays():
    model = chain((4,), layers.Dropout(0.5, dtype="mixed_float16"))
    assert fold(model)(images(4)).dtype == model(images(4)).dtype
    assert kinds(fold(model)) == ["Dropout"]


def test_masks_pass():
    model = chain(
        (6,),
        layers.Embedding(5, 4, mask_zero=True),
        layers.Dropout(0.5),
        layers.Dense(4),
        BatchNorm(),
        layers.ReLU(),
        BatchNorm(),
        layers.ReLU(),
        layers.Dense(3),
        layers.LSTM(2),
    )
    folded = fold(model)
    assert kinds(folded).count("BatchNormalization") == 1
    ids = np.array([[1, 2, 0, 3, 0, 0], [0, 0, 4, 4, 1, 0]])
    np.testing.assert_allclose(*arrays([folded(ids), model(ids)]), atol=1e-6)
