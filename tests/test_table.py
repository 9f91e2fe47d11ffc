"""Every public layer has a row in the table of blocks."""

import inspect

import keras

import kerasblocks as kb
from kerasblocks.heads.balancing import Balancing
from tests.table import TABLE

# Base classes of layers, by name.
ABSTRACT = {"Composite"}


def needs_row(value, name):
    """Whether it is a layer of a network; models are made of these."""
    if not inspect.isclass(value) or not issubclass(value, keras.layers.Layer):
        return False
    # A balancer takes losses: tests/heads/test_balancing.py tries the contract on it.
    return not issubclass(value, keras.Model | Balancing) and name not in ABSTRACT


def public_names():
    """The public names of the package and of its namespaces."""
    for module in (kb, *filter(inspect.ismodule, vars(kb).values())):
        for name in getattr(module, "__all__", ()):
            yield name, getattr(module, name)


def test_every_public_layer_has_a_row():
    rows = {type(row.make()) for row in TABLE}
    layers = {value for name, value in public_names() if needs_row(value, name)}
    assert kb.ConvBlock in layers
    assert [layer.__name__ for layer in layers - rows] == []
