"""`summary`: error messages."""

import pytest
from keras import layers

from kerasblocks.inspect.summary import summary
from tests.inspect.summary.models import image_model


@pytest.mark.parametrize(
    ("model", "shape", "words"),
    [
        (3, None, "summary: 'model' must be a Keras layer or model, or a function"),
        (lambda: 3, None, "the function must return a Keras layer or model, got 3"),
        (
            layers.Dense(3),
            None,
            r"'input_shape' must be given for 'dense\w*' \(Dense\)",
        ),
        (layers.Dense(3), (None, 0), "must be a shape with the batch axis, such as"),
        (layers.Dense(3), "4", "got '4'"),
        (layers.Dense(3), [], r"'input_shape' must be a shape with .*, got \[\]"),
        (
            layers.Dense(3),
            (3,),
            r"^summary: 'input_shape' must be one that 'dense\w*' \(Dense\) takes, "
            r"with the batch axis, got \(3,\): .*expected min_ndim=2",
        ),
        (
            image_model(layers.Dense(3)),
            (None, 8, 8, 5),
            r"^summary: 'input_shape' must .* takes, \(None, 8, 8, 4\), with the batch "
            r"axis, got \(None, 8, 8, 5\)",
        ),
        (image_model(layers.Dense(3)), (8, 8, 4), "with the batch axis, got"),
    ],
)
def test_errors(model, shape, words):
    with pytest.raises((TypeError, ValueError), match=words):
        summary(model, shape)


def test_error_of_depth_and_of_what_cannot_be_copied():
    class Without(layers.Layer):
        def __init__(self, function, **kwargs):
            super().__init__(name="without", **kwargs)
            self.dense = layers.Dense(function())

        def call(self, x):
            return self.dense(x)

    with pytest.raises(ValueError, match="'depth' must be None or an int of 0 or more"):
        summary(layers.Dense(3), (None, 4), depth=-1)
    with pytest.raises(ValueError, match="an int of 0 or more, got '2'"):
        summary(layers.Dense(3), (None, 4), depth="2")
    layer = Without(lambda: 3)
    with pytest.raises(
        ValueError, match=r"'without' .* is unbuilt and cannot be copied"
    ):
        summary(layer, (None, 4))
    assert not layer.dense.built
    assert summary(lambda: Without(lambda: 3), (None, 4)).macs == 12
