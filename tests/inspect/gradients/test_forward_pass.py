"""`gradient_flow`: where the first number that is not finite is."""

import keras
import numpy as np
import pytest
from keras import layers, ops

from kerasblocks.inspect.gradients import gradient_flow
from tests.inspect.gradients.models import data, norms, notes

pytestmark = pytest.mark.table


class Root(keras.layers.Layer):
    def call(self, inputs):
        return ops.sqrt(inputs)


def test_what_is_not_finite_is_said_at_once():
    keras.utils.set_random_seed(0)
    names = ("one", "two", "three")
    model = keras.Sequential(
        [keras.Input((3,)), *(layers.Dense(3, name=name) for name in names)]
    )
    x, y = data()
    y = np.tile(y, 3)
    bad = np.where(np.eye(3), np.nan, x[:3])
    with pytest.warns(RuntimeWarning, match=r"^gradient_flow: the loss is nan: 'x' is"):
        gradient_flow(model, bad, y[:3], loss="mse")
    with pytest.warns(RuntimeWarning, match="loss is nan, but the output of every"):
        gradient_flow(model, x, y * np.nan, loss="mse")
    kernel, bias = model.layers[1].get_weights()
    model.layers[1].set_weights([kernel, bias * np.nan])
    with pytest.warns(RuntimeWarning, match="the output of 'two' is not finite"):
        flow = gradient_flow(model, x, y, loss="mse")
    assert flow.warning in str(flow).replace("\n", " ")
    assert flow.warning in flow._repr_html_().replace("&#x27;", "'")

    # The square root of 0 is finite, and its gradient is not.
    first, second = layers.Dense(3, name="first"), layers.Dense(3, name="second")
    first_half = layers.Dense(3, name="zero", kernel_initializer="zeros")
    model = keras.Sequential([keras.Input((3,)), first, first_half, Root(), second])
    with pytest.warns(RuntimeWarning, match="not finite, first .* in 'zero'$"):
        flow = gradient_flow(model, x, y, loss="mse")
    assert notes(flow)["zero"] == "not finite"
    assert np.isfinite(norms(flow)["second"])
