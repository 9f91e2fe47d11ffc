"""A layer that says it supports masks does."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import tree

from kerasblocks.testing._keras import mask_of
from kerasblocks.testing.case import Case, Input
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, close, difference
from kerasblocks.testing.law import Broken, NotApplicable, law
from kerasblocks.testing.weights import randomize


class Padded(keras.layers.Layer):
    """Passes its input on with a mask of (batch, time) that ends before the last."""

    def __init__(self, valid: list[int], **kwargs: Any):
        super().__init__(dtype=None, autocast=False, **kwargs)
        self.valid = valid
        self.supports_masking = True

    def call(self, x: Any) -> Any:
        return x

    def compute_output_spec(self, x: Any) -> Any:
        return keras.KerasTensor(x.shape, x.dtype)

    def compute_mask(self, inputs: Any, previous_mask: Any = None) -> Any:
        steps = keras.ops.arange(inputs.shape[1])
        valid = keras.ops.convert_to_tensor(self.valid)
        return steps[None, :] < valid[:, None]


@law(
    "let `compute_mask` return a mask that fits the output: None where the axis of "
    "time is gone, and one of the new length where it is another."
)
def check_mask_shape(case: Case) -> None:
    """The mask that comes out has the batch and time of what comes out."""
    layer = _masking_layer(case)
    x = case.sample(3)
    masked = _masked(case, x)
    outputs = case(layer, masked)
    if not case.positional:
        given = tree.map_structure(mask_of, masked)
        told = layer.compute_mask(masked, given)
        count = len(tree.flatten(outputs))
        if told is not None and len(tree.flatten(told)) != count:
            raise Broken(
                f"compute_mask returns {len(tree.flatten(told))} masks for "
                f"{count} output{'s' * (count != 1)}",
                [
                    *_code(case, x),
                    "x = keras.tree.map_structure(lambda a: Padded()(a), x)",
                    "mask = keras.tree.map_structure(lambda a: a._keras_mask, x)",
                    "told = keras.tree.flatten(layer.compute_mask(x, mask))",
                    "assert len(told) == len(keras.tree.flatten(layer(x)))",
                ],
            )
    # A mask that the layer makes itself is on the output of a plain input only.
    for result in (outputs, case(layer, x)):
        for one in tree.flatten(result):
            _mask_fits(case, one, x)


@law(
    "take `mask` in `call` and leave masked steps out of every sum, mean, maximum and "
    "attention over time; or do not say supports_masking=True."
)
def check_padding_does_not_leak(case: Case) -> None:
    """What stands at masked steps does not change the output elsewhere."""
    layer = _masking_layer(case)
    x = case.sample(3)
    case(layer, _masked(case, x))
    randomize(layer)
    other = tree.map_structure(_repad, x, case.sample(3, seed=9))
    ours, theirs = case(layer, _masked(case, x)), case(layer, _masked(case, other))
    for one, two in zip(tree.flatten(ours), tree.flatten(theirs), strict=True):
        if one is None or not one.shape or one.shape[0] != 3:
            continue
        kept = _visible(one, two, x)
        for a, b in zip(arrays(one), arrays(two), strict=True):
            if not close(a[kept], b[kept], rtol=1e-3, atol=1e-4):
                raise Broken(
                    "other values at masked steps give another output at the others: "
                    f"{difference(a[kept], b[kept])}",
                    [
                        *_code(case, x),
                        f"one = keras.tree.flatten({_called(case)})[0]",
                        f"other = {array_code(case.sample(3, seed=9))}",
                        "keep = np.arange(64)[None, :] < np.array(valid)[:, None]",
                        "def mix(a, b):",
                        "    k = keep[:, : a.shape[1]].reshape("
                        "a.shape[:2] + (1,) * (a.ndim - 2))",
                        "    return np.where(k, a, b) if a.ndim > 2 or "
                        "a.dtype.kind == 'i' else a",
                        "x = keras.tree.map_structure(mix, x, other)",
                        f"two = keras.tree.flatten({_called(case)})[0]",
                        "one, two = np.array(one), np.array(two)",
                        "mask = keep[:, : one.shape[1]] if one.ndim > 2 else ...",
                        "np.testing.assert_allclose(one[mask], two[mask], rtol=1e-3, "
                        "atol=1e-4)",
                    ],
                )


def _mask_fits(case: Case, one: Any, x: Any) -> None:
    mask = None if one is None else keras.tree.flatten(mask_of(one))[0]
    if mask is None:
        return
    whole = len(one.shape) > 2 and len(mask.shape) == len(one.shape)
    if whole or tuple(mask.shape) != tuple(one.shape[: len(mask.shape)]):
        raise Broken(
            f"an output of shape {tuple(one.shape)} carries a mask of shape "
            f"{tuple(mask.shape)}",
            [
                *_code(case, x),
                f"y = keras.tree.flatten({_called(case)})[0]",
                "mask = y._keras_mask",
                "assert mask.shape == y.shape[: len(mask.shape)], "
                "(mask.shape, y.shape)",
                "assert len(mask.shape) < max(3, len(y.shape)), mask.shape",
            ],
        )


@law(
    "leave masked steps out of every sum, mean, maximum and attention over time, and "
    "divide by the number of steps that are left; or do not say supports_masking=True."
)
def check_padding_is_no_step(case: Case) -> None:
    """A sample that is padded and masked gives what it gives without its padding."""
    layer = _masking_layer(case)
    randomize(layer)
    for turn in (lambda a: a, lambda a: -np.abs(a) - 1):
        x = tree.map_structure(
            lambda a, turn=turn: turn(a) if a.dtype.kind == "f" else a, case.sample(3)
        )
        padded = case(layer, _masked(case, x))
        for number in (0, 1):
            short = tree.map_structure(
                lambda a, one, i=number: (
                    a[i : i + 1, : _valid(a.shape[1])[i]]
                    if _has_time(one)
                    else a[i : i + 1]
                ),
                x,
                case.inputs,
            )
            try:
                alone = case(layer, short)
            except Exception as error:
                raise NotApplicable("it takes one length only") from error
            _same_steps(case, x, padded, alone, number)


def _same_steps(case: Case, x: Any, padded: Any, alone: Any, number: int) -> None:
    lengths = {a.shape[1] for a, one in _zip(case, x) if _has_time(one)}
    for long, short in zip(tree.flatten(padded), tree.flatten(alone), strict=True):
        if long is None or not long.shape or long.shape[0] != 3:
            continue
        ours, theirs = arrays(long)[0][number : number + 1], arrays(short)[0]
        if ours.ndim > 1 and ours.shape[1] in lengths:
            mask = mask_of(long)
            # One that is there without a mask given is of the layer's own making.
            if mask is None or mask_of(short) is not None:
                steps = np.arange(ours.shape[1]) < _valid(ours.shape[1])[number]
            else:
                steps = arrays(mask)[0][number].astype(bool)
            if theirs.shape[1] != steps.sum():
                continue
            ours = ours[:, steps]
        if ours.shape == theirs.shape and not close(ours, theirs, 1e-3, 1e-4):
            raise Broken(
                "padded and masked, a sample gives something else than without its "
                f"padding: {difference(ours, theirs)}",
                [
                    *_code(case, x),
                    f"long = keras.tree.flatten({_called(case)})[0]",
                    "cut = lambda a: a[:1, : valid[0]] if a.ndim > 2 or "
                    "a.dtype.kind == 'i' else a[:1]",
                    f"short = layer({case.star}keras.tree.map_structure(cut, x))",
                    "short = np.array(keras.tree.flatten(short)[0])",
                    "long = np.array(long)[:1]",
                    "if long.shape != short.shape:",
                    "    long = long[:, : short.shape[1]]",
                    "np.testing.assert_allclose(long, short, rtol=1e-3, atol=1e-4)",
                ],
            )


def _zip(case: Case, x: Any) -> Any:
    return zip(tree.flatten(x), tree.flatten(case.inputs), strict=True)


def _masking_layer(case: Case) -> keras.layers.Layer:
    timed = [one for one in tree.flatten(case.inputs) if _has_time(one)]
    if not timed:
        raise NotApplicable("its input has no axis of time")
    lengths = {array.shape[1] for array, one in _pairs(case) if _has_time(one)}
    if min(lengths) < 2:
        raise NotApplicable("its input is too short to be padded")
    layer = case.make()
    case(layer, case.sample(3))
    if not layer.supports_masking:
        raise NotApplicable("it does not say supports_masking")
    return layer


def _pairs(case: Case) -> Any:
    return _zip(case, case.sample())


def _has_time(one: Input) -> bool:
    if one.is_float:
        return len(one.shape) == 3
    return len(one.shape) == 2


def _valid(length: int) -> list[int]:
    """How many of the steps of three samples are not padding."""
    return [length - 1, max(1, length // 2), length]


def _masked(case: Case, x: Any) -> Any:
    def mask(array: np.ndarray, one: Input) -> Any:
        tensor = keras.ops.convert_to_tensor(array)
        return Padded(_valid(array.shape[1]))(tensor) if _has_time(one) else tensor

    return tree.map_structure(mask, x, case.inputs)


def _repad(array: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The array with other values where it is padding."""
    if (
        array.ndim < 2
        or (array.ndim == 2 and array.dtype.kind == "f")
        or array.ndim > 3
    ):
        return array
    return np.where(_steps(array), array, other).astype(array.dtype)


def _steps(array: np.ndarray) -> np.ndarray:
    length = array.shape[1]
    keep = np.arange(length)[None, :] < np.array(_valid(length))[:, None]
    return keep.reshape(keep.shape + (1,) * (array.ndim - 2))


def _visible(one: Any, two: Any, x: Any) -> Any:
    """Where an output must not depend on the padding."""
    keep = [mask for mask in map(mask_of, (one, two)) if mask is not None]
    masks = [arrays(mask)[0].astype(bool) for mask in keep]
    lengths = {array.shape[1] for array in tree.flatten(x) if array.ndim >= 2}
    if len(one.shape) >= 3 and one.shape[1] in lengths:
        length = one.shape[1]
        masks.append(np.arange(length)[None, :] < np.array(_valid(length))[:, None])
    return np.logical_and.reduce(masks) if masks else ...


def _code(case: Case, x: Any) -> list[str]:
    length = next(array.shape[1] for array, one in _pairs(case) if _has_time(one))
    return [
        f"x = {array_code(x)}",
        f"valid = {_valid(length)}",
        "class Padded(keras.layers.Layer):",
        "    supports_masking = True",
        "    def call(self, x):",
        "        return x",
        "    def compute_mask(self, x, mask=None):",
        "        return keras.ops.arange(x.shape[1])[None, :] < "
        "keras.ops.convert_to_tensor(valid)[:, None]",
    ]


def _called(case: Case) -> str:
    dtype = "" if case.has_floats else "dtype='int32'"
    return (
        f"layer({case.star}keras.tree.map_structure(lambda a: Padded({dtype})(a), x))"
    )
