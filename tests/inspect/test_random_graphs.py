"""`expand` and `fold` on random models: the outputs stay."""

import keras
import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from keras import tree

import kerasblocks as kb
from kerasblocks.inspect.fold import fold
from tests.inspect.random_graphs import draw_model
from tests.table import assert_equal

TOLERANCE = {"float32": 1e-4, "float64": 1e-9}


def images(model):
    random = np.random.default_rng(0)
    x = random.normal(size=(2, *tree.flatten(model.input)[0].shape[1:])).astype(
        "float32"
    )
    return {"x": x} if isinstance(model.input, dict) else x


def assert_same_outputs(ours, theirs):
    """To rounding, beside the largest value, as of sums that cancel."""
    tree.assert_same_structure(ours, theirs)
    for a, b in zip(tree.flatten(ours), tree.flatten(theirs), strict=True):
        a, b = keras.ops.convert_to_numpy(a), keras.ops.convert_to_numpy(b)
        assert a.shape == b.shape
        assert a.dtype == b.dtype
        largest = np.max(np.abs(b), initial=1e-3)
        assert np.max(np.abs(a - b), initial=0.0) <= TOLERANCE[str(a.dtype)] * largest


@given(data=st.data())
def test_expand_keeps_the_outputs(data):
    model = draw_model(data.draw)
    x = images(model)
    assert_equal(kb.expand(model)(x), model(x))


@given(data=st.data())
def test_fold_keeps_the_outputs(data):
    model = draw_model(data.draw)
    x = images(model)
    before = [keras.ops.convert_to_numpy(weight) for weight in model.weights]
    outputs = model(x)
    folded = fold(model)
    assert_same_outputs(folded(x), outputs)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(weight, value)
    again = keras.Model.from_config(folded.get_config())
    again.set_weights(folded.get_weights())
    assert_equal(again(x), folded(x))
