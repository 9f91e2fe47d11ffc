"""What can be learnt of a layer from outside."""

from __future__ import annotations

import inspect
from collections.abc import Container
from typing import Any

import keras
from keras import tree

from kerasblocks.testing._keras import children


def constructor_arguments(kind: type) -> dict[str, inspect.Parameter]:
    """The arguments that a class's constructor takes, those it passes on included."""
    found: dict[str, inspect.Parameter] = {}
    for one in kind.__mro__:
        if "__init__" not in vars(one) or not issubclass(one, keras.layers.Layer):
            continue
        parameters = list(inspect.signature(one.__init__).parameters.values())[1:]
        for parameter in parameters:
            if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
                found.setdefault(parameter.name, parameter)
        if not any(each.kind is each.VAR_KEYWORD for each in parameters):
            break
        if one is keras.layers.Layer:
            break
    return found


def custom_objects(layer: keras.layers.Layer) -> keras.saving.CustomObjectScope:
    """A scope in which the layer's own classes need no registration."""
    kinds = {type(layer)} | {type(inner) for inner in sublayers(layer)}
    return keras.saving.custom_object_scope(
        {
            kind.__name__: kind
            for kind in kinds
            if not kind.__module__.startswith("keras.")
        }
    )


def sublayers(
    layer: keras.layers.Layer, given: Container[str] = ()
) -> list[keras.layers.Layer]:
    """The layers inside a layer, at any depth.

    Args:
        layer: The layer.
        given: The names of layers to leave out, with the layers inside them.
    """
    found: dict[int, keras.layers.Layer] = {}
    waiting = children(layer)
    while waiting:
        inner = waiting.pop(0)
        if (
            isinstance(inner, keras.layers.Layer)
            and id(inner) not in found
            and inner.name not in given
        ):
            found[id(inner)] = inner
            waiting.extend(children(inner))
    return list(found.values())


def acts_unless_told(layer: keras.layers.Layer, inputs: Any) -> bool:
    """Whether a call on arrays is training by default, as of Keras' image layers."""
    if any(isinstance(x, keras.KerasTensor) for x in tree.flatten(inputs)):
        return False  # a Functional model would hold on to training=False
    argument = inspect.signature(layer.call).parameters.get("training")
    return argument is not None and argument.default is True
