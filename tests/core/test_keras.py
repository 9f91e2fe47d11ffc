"""The private names of Keras that are used are there, and mean what they did."""

import keras
import pytest
from keras import layers

from kerasblocks.core import _keras


def nested():
    inner = keras.Sequential([layers.Dense(2), layers.ReLU()])
    return layers.TimeDistributed(inner), inner


def test_sublayers_are_the_layers_directly_inside():
    outer, inner = nested()
    assert _keras.sublayers(outer) == [inner]
    assert [type(one) for one in _keras.sublayers(inner)][-2:] == [
        layers.Dense,
        layers.ReLU,
    ]
    assert _keras.sublayers(layers.Dense(1)) == []
    assert _keras.sublayers(keras.ops) == []


def test_walk_layers_gives_the_layer_itself_and_all_inside():
    outer, inner = nested()
    found = list(_keras.walk_layers(outer))
    assert found[0] is outer
    assert {id(outer), id(inner), *map(id, inner.layers)} <= {id(one) for one in found}


def test_a_functional_model_is_of_the_functional_class():
    x = keras.Input((2,))
    assert isinstance(keras.Model(x, x), _keras.Functional)
    assert not isinstance(keras.Sequential(), _keras.Functional)


def test_mask_of_a_tensor():
    tokens = keras.Input((3,), dtype="int32")
    masked = layers.Embedding(4, 2, mask_zero=True)(tokens)
    assert _keras.mask_of(masked).shape == (None, 3)
    assert _keras.mask_of(tokens) is None


def test_made_by_and_nodes():
    x = keras.Input((2,))
    dense = layers.Dense(1)
    y = dense(x)
    operation, read = _keras.made_by(y)
    assert operation is dense
    assert [id(tensor) for tensor in read] == [id(x)]
    inbound, outbound = _keras.nodes(dense)
    assert (len(inbound), len(outbound)) == (1, 0)
    layers.ReLU()(y)
    assert len(outbound) == 1


def test_a_variable_made_in_a_stateless_scope_has_no_value_yet():
    assert _keras.has_value(keras.Variable([1.0]))
    with keras.StatelessScope(initialize_variables=False):
        later = keras.Variable("zeros", shape=(2,))
        assert not _keras.has_value(later)


@pytest.mark.parametrize(("owner", "name"), _keras.PATCHED, ids=lambda part: str(part))
def test_what_is_patched_is_a_method(owner, name):
    assert callable(getattr(owner, name))


def test_a_layer_opens_its_name_scope_before_it_is_built(monkeypatch):
    order = []
    original = layers.Layer._open_name_scope

    def opened(layer):
        order.append("scope")
        return original(layer)

    monkeypatch.setattr(layers.Layer, "_open_name_scope", opened)

    class Built(layers.Layer):
        def build(self, input_shape):
            order.append("build")

        def call(self, inputs):
            return inputs

    Built().build((None, 1))
    Built()(keras.Input((1,)))
    assert order[:2] == ["scope", "build"]
    assert order.index("build", 2) > order.index("scope", 1)


def test_custom_objects_are_those_in_scope():
    with keras.saving.custom_object_scope({"mine": layers.Dense}):
        assert _keras.custom_objects()["mine"] is layers.Dense
    assert "mine" not in _keras.custom_objects()
