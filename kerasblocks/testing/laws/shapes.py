"""What a layer declares of its output is what comes out."""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np
from hypothesis import strategies as st
from keras import tree

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays as arrays_of
from kerasblocks.testing.compare import close, difference, dtype_of
from kerasblocks.testing.law import (
    Broken,
    NotApplicable,
    for_all,
    is_refusal,
    law,
    summary,
)
from kerasblocks.testing.weights import randomize


@law(
    "see the error: `call` must work on arrays of the input shape, or the shape, the "
    "dtype or the range of integers given to the case are not those of the layer."
)
def check_call(case: Case) -> None:
    """A call on arrays of the input shape works."""
    case(case.make(), case.sample())


@law(
    "write `call` with keras.ops alone, take sizes from ops.shape(x), and let "
    "`compute_output_shape`, or `compute_output_spec` where the dtype is another than "
    "the compute dtype, tell what `call` returns."
)
def check_symbolic_output(case: Case) -> None:
    """The symbolic output has the structure, shape and dtype of the real one."""
    symbolic = case(case.make(), case.symbols())
    real = case(case.make(), case.sample(3))
    call = _call(case, "keras.Input(a.shape[1:], dtype=a.dtype)")
    _compare(case, symbolic, real, "the symbolic output", case.sample(3), call)


@law(
    "let `compute_output_shape` (or `compute_output_spec`) tell what `call` returns, "
    "in the order and structure in which it is returned."
)
def check_declared_output(case: Case) -> None:
    """`compute_output_spec` tells the output of other sizes too, of one layer."""
    layer = case.make()
    first = case(layer, case.sample(5))
    free = set(_free_axes(case))
    built = [tuple(weight.shape) for weight in layer.weights]

    def agree(drawn: tuple[int, dict]) -> None:
        batch, sizes = drawn
        arrays = case.sample(batch, sizes=sizes)
        try:
            real = case(layer, arrays)
        except Exception as error:
            grown = all(size >= case.size(axis) for axis, size in sizes.items())
            fresh = case.make()
            if not grown or is_refusal(error, layer, reshape=False):
                return
            try:
                case(fresh, arrays)
            except Exception:
                return
            if [tuple(weight.shape) for weight in fresh.weights] != built:
                return
            raise Broken(
                f"built for {_shapes(case.sample())}, it fails for {_shapes(arrays)}, "
                "which another of the same weights takes: " + summary(error),
                [
                    f"layer({case.star}{array_code(case.sample())})",
                    f"layer({case.star}{array_code(arrays)})",
                ],
            ) from error
        varied = {axis for axis, size in sizes.items() if size != case.size(axis)}
        if _is_empty(real) or not varied <= free:
            return
        _keeps_batch(case, real, first, arrays)
        _shape_alone(case, layer, real, arrays)
        declared = _declared(case, layer, arrays)
        if declared is not None:
            call = _call(case, "keras.KerasTensor(a.shape, a.dtype)", "spec")
            _compare(case, declared, real, "compute_output_spec", arrays, call)

    _try_sizes(case, agree)


@law("take the batch size from ops.shape(x)[0], or give a reshape -1 for it.")
def check_batch_sizes(case: Case) -> None:
    """A layer that was built with the batch None takes batches of any size."""
    layer = case.make()
    symbolic = case(layer, case.symbols())
    randomize(layer)
    many = case.sample(5)
    whole = case(layer, many)
    for batch in (1, 2, 5):
        arrays = tree.map_structure(lambda array, size=batch: array[:size], many)
        real = case(layer, arrays)
        call = _call(case, "keras.Input(a.shape[1:], dtype=a.dtype)")
        _compare(case, symbolic, real, "the symbolic output", arrays, call)
        _keeps_batch(case, real, whole, arrays)
    one = case.sample(1)
    values = arrays_of(case(layer, one, training=True)) + arrays_of(layer.weights)
    if any(a.dtype.kind == "f" and not np.isfinite(a).all() for a in values):
        raise Broken(
            "a batch of one leaves values that are not finite in training",
            [
                f"x = {array_code(one)}",
                f"y = layer({case.star}x, training=True)",
                "values = keras.tree.flatten(y) + layer.weights",
                "assert all(np.isfinite(np.array(value)).all() for value in values)",
            ],
        )


@law(
    "where two paths are joined, give both the same padding, so that they round odd "
    "sizes the same way; take sizes from ops.shape(x) within `call`."
)
def check_unknown_sizes(case: Case) -> None:
    """Where a layer takes a size of None, it takes every size from the sample's on.

    It may say no to a size with an error of its own.
    """
    promised = [axis for axis in case.axes if axis[1] is None]
    if promised:
        case(case.make(), case.symbols(dict.fromkeys(promised)))
    free = _free_axes(case)
    if not free:
        raise NotApplicable("no axis may be None")
    layer = case.make()
    unknown = dict.fromkeys(free)
    symbolic = case(layer, case.symbols(unknown))
    randomize(layer)

    def agree(drawn: tuple[int, dict]) -> None:
        batch, sizes = drawn
        sizes = {axis: sizes[axis] for axis in free}
        arrays = case.sample(batch, sizes=sizes)
        fixed = case.make_seeded()
        refused = False
        try:
            exact = case(fixed, case.symbols(sizes))
        except Exception as error:
            exact, refused = None, is_refusal(error, fixed)
        try:
            real = case(layer, arrays)
        except Exception as error:
            grown = all(sizes[axis] >= case.size(axis) for axis in free)
            if refused or not grown or is_refusal(error, layer):
                return
            raise Broken(
                f"takes None along the axes {[axis for axis, _ in free]}, and fails "
                f"for {_shapes(arrays)}: {summary(error)}",
                _unknown_code(case, unknown, arrays),
            ) from error
        if exact is None or _is_empty(real):
            return  # it says no to the size, or would if it were asked
        call = _unknown_code(case, unknown, arrays)
        for symbols in (symbolic, exact):
            _compare(case, symbols, real, "the symbolic output", arrays, call[1:-1])
        shapes = [tuple(weight.shape) for weight in layer.weights]
        if [tuple(weight.shape) for weight in fixed.weights] != shapes:
            return
        fixed.set_weights(layer.get_weights())
        again = case(fixed, arrays)
        if not close(again, real):
            raise Broken(
                f"built with sizes of None and built for {_shapes(arrays)}, with the "
                f"same weights, it gives other outputs: {difference(again, real)}",
                call,
            )

    _try_sizes(case, agree)
    # A feature axis may be read as a number; a model is seldom fed two of them.
    ranks = [len(one.shape) for one in tree.flatten(case.inputs)]
    _predicts_two_sizes(case, layer, [a for a in free if a[0] < min(ranks) - 1])


@law(
    "name the axis wherever an axis of one is dropped, as in ops.squeeze(x, axis=-1), "
    "and let sizes of one through."
)
def check_sizes_at_build(case: Case) -> None:
    """Built for a size, odd or one, a layer declares what comes out, or refuses it."""

    def agree(drawn: tuple[int, dict]) -> None:
        batch, sizes = drawn
        arrays = case.sample(batch, sizes=sizes)
        layer = case.make()
        try:
            real = case(layer, arrays)
            symbolic = case(case.make(), case.symbols(sizes))
        except Exception:
            return
        if _is_empty(real):
            return
        call = _call(case, "keras.Input(a.shape[1:], dtype=a.dtype)")
        _compare(case, symbolic, real, "the symbolic output", arrays, call)

    _try_sizes(case, agree)


def _is_empty(outputs: Any) -> bool:
    flat = [one for one in tree.flatten(outputs) if one is not None]
    return any(0 in tuple(one.shape) for one in flat)


def _free_axes(case: Case) -> list:
    """The axes along which a new layer takes None."""
    free = [axis for axis in case.axes if _takes_unknown(case, [axis])]
    return free if not free or _takes_unknown(case, free) else free[:1]


def _takes_unknown(case: Case, axes: list) -> bool:
    symbols = case.symbols(dict.fromkeys(axes))
    layer = case.make()
    try:
        case(layer, symbols)
    except Exception as error:
        if not isinstance(error, TypeError) or not _from_declaration(error, layer):
            return False
        try:
            case(_Undeclared(layer), symbols)
        except Exception:
            return False
        raise Broken(
            "`call` takes a size of None, and what declares its output does not: "
            + summary(error),
            _unknown_code(case, dict.fromkeys(axes), case.sample())[:3],
        ) from error
    return True


class _Undeclared(keras.layers.Layer):
    """Calls a layer and declares nothing, so that Keras looks at the call itself."""

    def __init__(self, inner: keras.layers.Layer):
        super().__init__()
        self.inner = inner

    def call(self, *inputs: Any) -> Any:
        return self.inner.call(*inputs)


def _from_declaration(error: BaseException, layer: keras.layers.Layer) -> bool:
    """Whether it was raised in the layer's own declaration of its output."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return last.name in ("compute_output_shape", "compute_output_spec") and (
        last.filename == inspect.getsourcefile(type(layer))
    )


def _predicts_two_sizes(case: Case, layer: keras.layers.Layer, free: list) -> None:
    """A second size makes a backend trace again, with a size that is None then."""
    if not free:
        return
    unknown = dict.fromkeys(free)
    inputs = case.symbols(unknown)
    model = keras.Model(
        list(inputs) if case.positional else inputs, case(layer, inputs)
    )
    for more in (0, 1, 2):
        arrays = case.sample(sizes={axis: case.size(axis) + more for axis in free})
        try:
            case(layer, arrays)
        except Exception:
            continue
        try:
            model.predict_on_batch(case.feed(arrays))
        except Exception as error:
            raise Broken(
                "a model for sizes of None predicts one size and fails for another, "
                f"{_shapes(arrays)}: {summary(error)}",
                [
                    *_unknown_code(case, unknown, arrays)[:-1],
                    f"model = keras.Model({'list(symbols)' if case.positional else ''}"
                    f"{'' if case.positional else 'symbols'}, spec)",
                    f"for x in (x, {array_code(case.sample())}):",
                    f"    model.predict({'list(x)' if case.positional else 'x'}, "
                    "verbose=0)",
                ],
            ) from error


def _try_sizes(case: Case, agree: Callable[[tuple[int, dict]], None]) -> None:
    """Try a test on every axis grown by one, the odd size, and on drawn sizes."""
    own = {axis: case.size(axis) for axis in case.axes}
    for axis in case.axes:
        agree((1, {**own, axis: own[axis] + 1}))
    for_all(case, _batches_and_sizes(case), agree, 8)


def _batches_and_sizes(case: Case) -> st.SearchStrategy:
    """A batch and a size for every axis, shrinking to a batch of 1 and the sample's."""

    def size(axis: Any) -> st.SearchStrategy[int]:
        own = case.size(axis)
        near = [own, own + 1, 2 * own, own + 2, own + 3, 1, 2, 3, max(1, own - 1)]
        return st.sampled_from(list(dict.fromkeys(near)))

    every = st.fixed_dictionaries({axis: size(axis) for axis in case.axes})
    own = {axis: case.size(axis) for axis in case.axes}
    one = st.sampled_from(case.axes).flatmap(
        lambda axis: size(axis).map(lambda drawn: {**own, axis: drawn})
    )
    return st.tuples(st.integers(1, 4), st.one_of(one, every) if own else st.just({}))


def _keeps_batch(case: Case, real: Any, of_five: Any, arrays: Any) -> None:
    """Raise where an output does not begin with the batch, and did for a batch of 5."""
    batch = tree.flatten(arrays)[0].shape[0]
    for one, other in zip(tree.flatten(real), tree.flatten(of_five), strict=True):
        if one is None or not tuple(other.shape) or other.shape[0] != 5:
            continue
        if tuple(one.shape)[:1] != (batch,):
            raise Broken(
                f"for an input of shape {_shapes(arrays)}, the output is of shape "
                f"{tuple(one.shape)}: its batch is another",
                [
                    f"layer({array_code(case.sample())})",
                    f"x = {array_code(arrays)}",
                    f"y = keras.tree.flatten(layer({case.star}x))",
                    f"assert all(one.shape[0] == {batch} for one in y)",
                ],
            )


def _shape_alone(case: Case, layer: keras.layers.Layer, real: Any, arrays: Any) -> None:
    """Raise where `compute_output_shape` is not the shape of the real output."""
    shapes = tree.map_structure(lambda array: array.shape, arrays)
    try:
        told = (
            layer.compute_output_shape(*shapes)
            if case.positional
            else layer.compute_output_shape(shapes)
        )
        specs = tree.map_shape_structure(keras.KerasTensor, told)
    except Exception:
        return  # it has none, or leaves it to compute_output_spec
    flat = zip(tree.flatten(specs), tree.flatten(real), strict=False)
    for spec, one in flat:
        if one is None or len(spec.shape) != len(one.shape):
            continue
        pairs = zip(spec.shape, one.shape, strict=True)
        if any(size not in (None, came) for size, came in pairs):
            shape = str(shapes) if isinstance(arrays, dict | list) else _shapes(arrays)
            raise Broken(
                f"compute_output_shape says {tuple(spec.shape)} for {_shapes(arrays)}, "
                f"and the output is of shape {tuple(one.shape)}",
                [
                    f"x = {array_code(arrays)}",
                    f"real = layer({case.star}x)",
                    f"told = layer.compute_output_shape({case.star}{shape})",
                    "told = keras.tree.map_shape_structure(keras.KerasTensor, told)",
                    "for a, b in zip(keras.tree.flatten(told), "
                    "keras.tree.flatten(real)):",
                    "    assert all(m in (None, n) for m, n in zip(a.shape, b.shape))",
                ],
            )


def _declared(case: Case, layer: keras.layers.Layer, arrays: Any) -> Any:
    specs = tree.map_structure(
        lambda array: keras.KerasTensor(array.shape, dtype=str(array.dtype)), arrays
    )
    try:
        if case.positional:
            return layer.compute_output_spec(*specs)
        return layer.compute_output_spec(specs)
    except Exception:
        return None


def _compare(
    case: Case, declared: Any, real: Any, what: str, arrays: Any, call: list[str]
) -> None:
    """Raise where what is declared is not of the structure, shapes and dtypes."""
    snippet = [
        f"x = {array_code(arrays)}",
        *call,
        f"real = layer({case.star}x)",
        "for one, other in zip(keras.tree.flatten(spec), keras.tree.flatten(real)):",
        "    print(one.shape, one.dtype, 'and really', other.shape, other.dtype)",
        "    assert len(one.shape) == len(other.shape)",
        "    assert all(a in (None, b) for a, b in zip(one.shape, other.shape))",
        "    assert one.dtype == keras.backend.standardize_dtype(other.dtype)",
    ]
    flat, ours = tree.flatten(declared), tree.flatten(real)
    if len(flat) != len(ours) or not _same_structure(declared, real):
        raise Broken(
            f"{what} has the structure {_structure(declared)}, and the real output "
            f"{_structure(real)}",
            [*snippet, "keras.tree.assert_same_structure(spec, real)"],
        )
    for place, (one, other) in enumerate(zip(flat, ours, strict=True)):
        if one is None or other is None:
            continue
        where = f" number {place}" if len(flat) > 1 else ""
        shape, came = tuple(one.shape), tuple(other.shape)
        if len(shape) != len(came) or any(
            size not in (None, real_size)
            for size, real_size in zip(shape, came, strict=True)
        ):
            raise Broken(
                f"for an input of shape {_shapes(arrays)}, {what}{where} is of shape "
                f"{shape}, and the real one of {came}",
                snippet,
            )
        if one.dtype != dtype_of(other):
            raise Broken(
                f"{what}{where} is of dtype {one.dtype}, and the real one of "
                f"{dtype_of(other)}",
                snippet,
            )


def _same_structure(one: Any, other: Any) -> bool:
    try:
        tree.assert_same_structure(one, other)
    except (ValueError, TypeError):
        return False
    return True


def _structure(outputs: Any) -> str:
    return repr(tree.map_structure(lambda x: None if x is None else "*", outputs))


def _shapes(arrays: Any) -> str:
    flat = [tuple(array.shape) for array in tree.flatten(arrays)]
    return str(flat[0]) if len(flat) == 1 else " and ".join(map(str, flat))


def _call(case: Case, symbol: str, method: str = "call") -> list[str]:
    target = "layer" if method == "call" else "layer.compute_output_spec"
    build = [] if method == "call" else [f"layer({case.star}x)"]
    return [
        *build,
        f"spec = {target}({case.star}keras.tree.map_structure(lambda a: {symbol}, x))",
    ]


def _unknown_code(case: Case, unknown: Mapping, arrays: Any) -> list[str]:
    inputs = case.symbols(unknown)
    texts = [
        f"keras.Input({tuple(one.shape[1:])}, dtype={one.dtype!r})"
        for one in tree.flatten(inputs)
    ]
    return [
        f"x = {array_code(arrays)}",
        f"symbols = keras.tree.pack_sequence_as(x, [{', '.join(texts)}])",
        f"spec = layer({case.star}symbols)",
        f"layer({case.star}x)",
    ]
