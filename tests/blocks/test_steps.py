"""The step language: what a branch becomes, and what it refuses."""

import keras
import numpy as np
import pytest
from keras import layers

import kerasblocks as kb
from kerasblocks.blocks.steps import end_linear
from tests.table import assert_equal


def activations(block):
    """For each convolution in a branch, whether it has an activation of its own."""
    return [layer.activation is not None for layer in block.branch_layer.layers]


def test_the_last_convolution_of_a_branch_ends_linear():
    block = kb.ResidualBlock(branch=[(4, 1), (4, 3)])
    assert activations(block) == [True, False]
    block = kb.ResidualBlock(branch=[(4, 1), {"filters": 4, "activation": "tanh"}])
    assert activations(block) == [True, True]
    block = kb.ResidualBlock(branch=[(4, 1), (4, 3)], order="book")
    assert activations(block) == [True, True]


@pytest.mark.parametrize(
    ("branch", "place"),
    [
        ([(4, 1), (4, 3), ("max", 3)], 1),
        ([(4, 1), (4, 3), kb.SqueezeExcite(2), ("average", 3)], 1),
    ],
)
def test_poolings_and_squeeze_excite_may_follow_it(branch, place):
    found = end_linear(branch)
    assert found[place] == {"activation": None, "filters": 4, "kernel_size": 3}
    assert found[:place] == branch[:place]
    assert found[place + 1 :] == branch[place + 1 :]


def test_each_branch_of_a_last_fork_ends_linear():
    found = end_linear([(8, 1), [[(4, 3)], [(4, 1), (4, 5)]]])
    linear = [[part for part in one if isinstance(part, dict)] for one in found[1]]
    assert [[part["kernel_size"] for part in one] for one in linear] == [[3], [5]]
    assert found[0] == (8, 1)


def test_another_layer_at_the_end_leaves_the_branch_as_it_is():
    for last in (kb.ConvBlock(8, 3), layers.Conv2D(8, 3, padding="same")):
        branch = [(8, 1), last]
        assert end_linear(branch) == branch


def test_later_changes_to_the_steps_have_no_effect(tmp_path):
    step = {"filters": 4, "kernel_size": 3}
    branch = [(4, 1), step]
    block = kb.ResidualBlock(branch=branch)
    inception = kb.InceptionBlock(branches=[branch])
    branch.append((9, 3))
    step["filters"] = 9
    x = keras.Input((8, 8, 4))
    model = keras.Model(x, inception(block(x)))
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    values = np.ones((1, 8, 8, 4), "float32")
    assert_equal(again(values), model(values))


def test_a_dict_is_named_with_its_step():
    with pytest.raises(ValueError, match=r"Block: step 2 .* 'branch'.*'rel'"):
        kb.ResidualBlock(branch=[(4, 1), {"filters": 4, "activation": "rel"}])
    with pytest.raises(TypeError, match=r"InceptionBlock: step 1 .* 'filters'"):
        kb.InceptionBlock(branches=[[{"filtres": 4}]])


@pytest.mark.parametrize("order", ["post", "pre"])
def test_an_order_means_the_same_by_name_and_by_parts(order):
    parts = {
        "post": ["convolution", "normalization", "activation"],
        "pre": ["normalization", "activation", "convolution"],
    }[order]
    for block in (kb.ConvBlock, kb.ResidualBlock):
        assert block(4, order=parts).order == block(4, order=order).order == order
