"""channels_first is channels_last with the axes moved."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import tree

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference
from kerasblocks.testing.law import Broken, NotApplicable, law, summary
from kerasblocks.testing.layer import constructor_arguments
from kerasblocks.testing.weights import randomize


@law(
    "let every axis that `call` and `build` name follow `data_format`, and hand it to "
    "the sublayers."
)
def check_data_formats(case: Case) -> None:
    """channels_first gives what channels_last gives, transposed."""
    if "data_format" not in constructor_arguments(case.layer_class):
        raise NotApplicable("its constructor takes no 'data_format'")
    if any(len(one.shape) < 3 for one in tree.flatten(case.inputs)):
        raise NotApplicable("its input has no spatial axes")
    own = getattr(case.make(), "data_format", "channels_last")
    found = []
    # Keras on TensorFlow adds a bias along the wrong axis where a width equals the
    # number of filters: that is not the layer's fault, and other sizes avoid it.
    for sizes in (_sizes(case, own, 0), _sizes(case, own, 4), {}):
        x = _last(case.sample(sizes=sizes), own)
        try:
            last = case.make_seeded(data_format="channels_last")
            case(last, x)
            case(last, x, training=True)
        except Exception:
            continue
        try:
            _compare(case, last, x)
        except Broken as error:
            found.append(error)
        else:
            return
    if not found:
        raise NotApplicable("it does not take channels_last here")
    raise found[0]


def _compare(case: Case, last: keras.layers.Layer, x: Any) -> None:
    """Raise where channels_first is not the layer of channels_last, transposed."""
    randomize(last)
    expected = arrays(case(last, x))
    turned = tree.map_structure(lambda one: np.moveaxis(one, -1, 1), x)
    code = [
        f"x = {array_code(turned)}",
        "last = type(layer).from_config("
        "dict(layer.get_config(), data_format='channels_last'))",
        "turned = keras.tree.map_structure(lambda a: np.moveaxis(a, 1, -1), x)",
        f"y, z = layer({case.star}x), last({case.star}turned)",
        "layer.set_weights(last.get_weights())",
        f"y, z = np.array(layer({case.star}x)), np.array(z)",
        "if y.ndim > 2 and y.shape != z.shape or y.ndim == x.ndim:",
        "    z = np.moveaxis(z, -1, 1)",
        "np.testing.assert_allclose(y, z, rtol=1e-3, atol=1e-4)",
    ]
    first = case.make_seeded(data_format="channels_first")
    over = {"data_format": "channels_first"}
    try:
        case(first, turned)
        case(first, turned, training=True)
    except Exception as error:
        if "NHWC" in str(error) or "NCHW" in str(error):
            raise NotApplicable("the backend has no channels_first kernel") from error
        raise Broken(
            "with data_format='channels_first' a call raises " + summary(error),
            code,
            over,
        ) from error
    shapes = [[tuple(weight.shape) for weight in one.weights] for one in (last, first)]
    if shapes[0] != shapes[1]:
        raise Broken(
            f"with channels_first its weights are of shapes {shapes[1]}, and with "
            f"channels_last of {shapes[0]}",
            code,
            over,
        )
    first.set_weights(last.get_weights())
    for ours, theirs in zip(arrays(case(first, turned)), expected, strict=True):
        if not (_agree(ours, theirs)):
            raise Broken(
                "with channels_first it gives something else than channels_last, "
                f"transposed: {difference(ours, _moved(theirs))}",
                code,
                over,
            )


def _sizes(case: Case, data_format: str, more: int) -> dict:
    """Spatial sizes that no weight has, for all axes but the channels."""
    layer = case.make()
    case(layer, case.sample())
    taken = {size for weight in layer.weights for size in weight.shape}
    rank = len(tree.flatten(case.inputs)[0].shape)
    channels = 1 if data_format == "channels_first" else rank - 1
    sizes = {}
    for axis in case.axes:
        if axis[0] != channels:
            size = case.size(axis) + more
            while size in taken:
                size += 1
            sizes[axis] = size
            taken.add(size)
    return sizes


def _agree(ours: np.ndarray, theirs: np.ndarray) -> bool:
    """Equal as they are, or once the channels are moved."""
    ways = [theirs] if theirs.ndim < 3 else [_moved(theirs), theirs]
    return any(close(ours, way, rtol=1e-3, atol=1e-4) for way in ways)


def _moved(array: np.ndarray) -> np.ndarray:
    return np.moveaxis(array, -1, 1) if array.ndim >= 3 else array


def _last(x: Any, data_format: str) -> Any:
    if data_format != "channels_first":
        return x
    return tree.map_structure(lambda one: np.moveaxis(one, 1, -1), x)
