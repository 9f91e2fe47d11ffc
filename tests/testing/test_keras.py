"""The private names of Keras that the laws use are there, and mean what they did."""

import keras
from keras import layers, ops

from kerasblocks.testing import _keras


def test_children_are_the_layers_directly_inside():
    inner = keras.Sequential([layers.Dense(2), layers.ReLU()])
    assert _keras.children(layers.TimeDistributed(inner)) == [inner]
    kinds = [type(one) for one in _keras.children(inner)]
    assert kinds[-2:] == [layers.Dense, layers.ReLU]
    assert _keras.children(layers.Dense(1)) == []


def test_mask_of_a_tensor_symbolic_or_not():
    embedding = layers.Embedding(4, 2, mask_zero=True)
    masked = embedding(keras.Input((3,), dtype="int32"))
    assert _keras.mask_of(masked).shape == (None, 3)
    masked = embedding(ops.convert_to_tensor([[1, 2, 0]]))
    assert ops.convert_to_numpy(_keras.mask_of(masked)).tolist() == [
        [True, True, False]
    ]
    assert _keras.mask_of(ops.ones((1,))) is None


def test_bookkeeping_is_what_keras_alone_sets():
    """A layer that was called has them, and they hold what the layer does not own."""
    dense = layers.Dense(1)
    layers.ReLU()(dense(keras.Input((2,))))
    assert set(_keras.BOOKKEEPING) <= set(vars(dense))
    assert vars(dense)["_inbound_nodes"][0].operation is dense
    assert len(vars(dense)["_outbound_nodes"]) == 1


def test_the_method_in_printed_snippets_is_there():
    inner = keras.Sequential([layers.Dense(2)])
    found = list(layers.TimeDistributed(inner)._flatten_layers(include_self=False))
    assert found[0] is inner
