"""`fold`: average pooling and a 1x1 convolution are swapped."""

from keras import layers

from tests.inspect.fold.checks import BatchNorm, assert_folds, chain


def test_pooling_and_pointwise_convolution_change_places():
    narrow, wide = layers.Conv2D(2, 1), layers.Conv2D(8, 1)
    pool = layers.AveragePooling2D(3, strides=1, padding="same")
    assert_folds(chain((5, 5, 4), pool, narrow), "Conv2D", "AveragePooling2D")
    assert_folds(chain((5, 5, 4), pool, wide), "AveragePooling2D", "Conv2D")
    halve = layers.AveragePooling2D(2, padding="same")
    conv = layers.Conv2D(8, 1)
    assert_folds(chain((5, 5, 4), conv, halve), "AveragePooling2D", "Conv2D")
    norm = BatchNorm()
    steps = conv, lambda x: norm(x, training=False), halve
    assert_folds(chain((5, 5, 4), *steps), "AveragePooling2D", "Conv2D")
    tanh = layers.Conv2D(8, 1, activation="tanh")
    assert_folds(chain((5, 5, 4), tanh, halve), "Conv2D", "AveragePooling2D")
