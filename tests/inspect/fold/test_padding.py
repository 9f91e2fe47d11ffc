"""`fold`: zero padding goes into the convolution."""

import pytest
from keras import layers

from tests.inspect.fold.checks import BatchNorm, assert_folds, chain


@pytest.mark.parametrize(
    ("size", "padding", "inside"),
    [
        ((6, 6), ((0, 1), (0, 1)), True),
        ((7, 7), ((1, 1), (1, 1)), True),
        ((7, 6), ((1, 1), (0, 1)), True),
        ((6, 6), ((1, 1), (1, 1)), False),
        ((None, 6), ((0, 1), (0, 1)), False),
    ],
)
def test_padding_goes_into_a_convolution_that_would_lay_the_same(size, padding, inside):
    conv = layers.DepthwiseConv2D(3, strides=2)
    model = chain((*size, 2), layers.ZeroPadding2D(padding), conv, BatchNorm())
    expected = () if inside else ("ZeroPadding2D",)
    assert_folds(model, *expected, "DepthwiseConv2D")
