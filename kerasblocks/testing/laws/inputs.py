"""Inputs are read and left alone, whatever the order of their keys."""

from __future__ import annotations

from typing import Any

import numpy as np
from keras import tree

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.weights import randomize


@law("look inputs up by their keys; the order of a dict's values means nothing.")
def check_dict_order(case: Case) -> None:
    """A dict of inputs gives the same in whatever order its keys stand."""
    if not isinstance(case.inputs, dict) or len(case.inputs) < 2:
        raise NotApplicable("its input is not a dict")
    layer = case.make_seeded()
    x = case.sample()
    case(layer, x)
    randomize(layer)
    turned = dict(reversed(x.items()))
    other = case.make_seeded()
    code = [
        f"x = {array_code(x)}",
        "y = layer(x)",
        "again = type(layer).from_config(layer.get_config())",
        "z = again(dict(reversed(x.items())))",
        "again.set_weights(layer.get_weights())",
        "z = again(dict(reversed(x.items())))",
        "for a, b in zip(keras.tree.flatten(y), keras.tree.flatten(z)):",
        "    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)",
        "    np.testing.assert_allclose(keras.tree.flatten(layer(dict(reversed("
        "x.items()))))[0], keras.tree.flatten(y)[0], rtol=1e-3, atol=1e-4)",
    ]
    case(other, turned)
    shapes = [[tuple(weight.shape) for weight in one.weights] for one in (layer, other)]
    if shapes[0] != shapes[1]:
        raise Broken("its weights depend on the order of the keys", code)
    other.set_weights(layer.get_weights())
    for one in (layer, other):
        ours, theirs = case(one, turned), case(layer, x)
        if isinstance(ours, dict):
            ours = {key: ours[key] for key in theirs}
        if not close(ours, theirs):
            raise Broken(
                "its output depends on the order of the keys: "
                + difference(ours, theirs),
                code,
            )


@law("copy the dict or list of inputs before you change it: inputs = dict(inputs).")
def check_inputs_are_unchanged(case: Case) -> None:
    """Neither the structure of the inputs nor their values change."""
    layer = case.make()
    for training in (False, True):
        for convert in (lambda x: x, case.tensors):
            x = convert(case.sample())
            kept = arrays(x)
            held = _members(x)
            case(layer, x, training=training)
            code = [
                f"x = {array_code(case.sample())}",
                "before = keras.tree.map_structure(np.copy, x)",
                f"layer({case.star}x, training={training})",
                "keras.tree.assert_same_structure(x, before)",
                "for a, b in zip(keras.tree.flatten(x), keras.tree.flatten(before)):",
                "    np.testing.assert_array_equal(a, b)",
            ]
            if _members(x) != held:
                raise Broken("it changes the structure of its inputs in place", code)
            if not all(
                np.array_equal(a, b) for a, b in zip(arrays(x), kept, strict=True)
            ):
                raise Broken("it changes the values of its inputs in place", code)


def _members(x: Any) -> Any:
    if isinstance(x, dict):
        return {key: id(value) for key, value in x.items()}
    if isinstance(x, list | tuple):
        return [id(value) for value in x]
    return tree.flatten(x) and id(x)
