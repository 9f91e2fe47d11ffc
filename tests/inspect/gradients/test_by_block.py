"""`gradient_flow`: blocks inside blocks, frozen and shared weights."""

import keras
import numpy as np
import pytest
from keras import layers, ops

import kerasblocks as kb
from kerasblocks.inspect.gradients import gradient_flow
from tests.inspect.gradients.models import data, norms, notes

pytestmark = pytest.mark.table


def test_blocks_inside_blocks_and_weights_inside_layers():
    keras.utils.set_random_seed(0)
    inner = keras.Sequential([layers.Dense(3), layers.ReLU()], name="inner")
    model = keras.Sequential(
        [
            keras.Input((None, 3)),
            layers.BatchNormalization(name="norm"),
            kb.Residual(inner, name="residual"),
            layers.GlobalAveragePooling1D(),
        ]
    )
    x = np.random.default_rng(0).normal(size=(2, 5, 3))
    flow = gradient_flow(model, x, np.zeros((2, 3)), loss="mse", depth=None)
    norm, residual = flow.blocks
    assert [b.name for b in norm.blocks] == ["norm/gamma", "norm/beta"]
    assert norm.weights == 6  # without the moving statistics
    (nested,) = residual.blocks
    (dense,) = nested.blocks
    assert dense.name == "residual/inner/dense"
    assert [block.weights for block in dense.blocks] == [9, 3]
    parts = [block.gradient_norm for block in dense.blocks]
    for block in (dense, nested, residual):
        assert block.gradient_norm == pytest.approx(np.hypot(*parts))
    for depth, count in ((1, 0), (2, 1)):
        same = gradient_flow(model, x, np.zeros((2, 3)), loss="mse", depth=depth)
        assert len(same.blocks[1].blocks) == count
        assert norms(same) == pytest.approx(norms(flow), rel=1e-5)


def test_frozen_and_shared_weights_and_those_out_of_reach():
    inputs = keras.Input((3,))
    encoder = keras.Sequential(
        [layers.Dense(3, name="one"), layers.Dense(3, name="two")], name="encoder"
    )
    tower = keras.Sequential([encoder, layers.Dense(3)], name="tower")
    frozen = layers.Dense(3, name="frozen", trainable=False)
    cut = layers.Dense(3, name="cut")
    dead = layers.Dense(3, activation="relu", name="dead")
    x = encoder(inputs) + tower(inputs) + frozen(inputs) + dead(inputs)
    x = x + ops.stop_gradient(cut(inputs))
    model = keras.Model(inputs, layers.Dense(1, name="last")(x))
    dead.set_weights([dead.get_weights()[0], np.full(3, -1000.0)])
    encoder.layers[1].trainable = False
    flow = gradient_flow(model, *data(), loss="mse")
    assert notes(flow) == {
        "encoder": "partly frozen",
        "tower": "partly shared with 'encoder'",
        "frozen": "frozen",
        "dead": "",
        "cut": "no gradient",
        "last": "",
    }
    found = norms(flow)
    assert (found["frozen"], found["cut"], found["dead"]) == (None, None, 0.0)
    assert min(found["encoder"], found["tower"]) > 0
    counts = {block.name: block.weights for block in flow.blocks}
    assert counts == dict.fromkeys(counts, 12) | {"last": 4}
    whole = gradient_flow(model, *data(), loss="mse", depth=2)
    encoder_rows = [(b.name, b.note) for b in whole.blocks[0].blocks]
    assert encoder_rows == [("encoder/one", ""), ("encoder/two", "frozen")]
    again, _ = whole.blocks[1].blocks
    assert again.note == "shared with 'encoder'"
    assert again.gradient_norm is again.weight_norm is again.ratio is None
