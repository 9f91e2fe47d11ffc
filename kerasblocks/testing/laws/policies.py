"""Precision: a layer keeps to the dtype policy that it is given."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import keras
import numpy as np
from keras import tree

from kerasblocks.testing.case import Case
from kerasblocks.testing.code import array_code
from kerasblocks.testing.compare import arrays, dtype_of, share_apart
from kerasblocks.testing.law import Broken, NotApplicable, law, summary
from kerasblocks.testing.layer import constructor_arguments, sublayers
from kerasblocks.testing.weights import randomize

_POLICIES = {
    "mixed_float16": 2e-2,
    "mixed_bfloat16": 1e-1,
    "float16": 3e-2,
    "bfloat16": 1.5e-1,
}
_VOCABULARY = (
    *("input_dim", "vocabulary_size", "vocab_size", "num_tokens", "num_embeddings"),
    *("num_ids", "num_classes", "num_bins", "max_id", "depth", "max_length"),
)
_LENGTH = 700


@law(
    "compute in self.compute_dtype, cast what is computed in float32 for accuracy back "
    "before it is returned, and declare an output that stays in float32 in "
    "`compute_output_spec`."
)
def check_dtype_policies(case: Case) -> None:
    """Under each policy the output has the dtype declared, near that of float32."""
    exact = case.make_seeded()
    x = case.sample(4)
    rounded = tree.map_structure(_round, x)
    _need_dtype(case)
    case(exact, x)
    randomize(exact)
    expected = case(exact, rounded)
    for policy, tolerance in _POLICIES.items():
        layer = case.make_seeded(dtype=policy)
        code = [
            f"x = {array_code(x)}",
            f"y = layer({case.star}x)",
            f"spec = layer({case.star}"
            "keras.tree.map_structure("
            "lambda a: keras.Input(a.shape[1:], dtype=a.dtype), x))",
            "for one, other in zip(keras.tree.flatten(y), keras.tree.flatten(spec)):",
            "    print(one.dtype, 'and declared', other.dtype)",
            "    assert keras.backend.standardize_dtype(one.dtype) == other.dtype",
            "    assert keras.backend.standardize_dtype(one.dtype) in ("
            "layer.compute_dtype, 'int32', 'bool')",
        ]
        try:
            outputs = case(layer, rounded)
        except Exception as error:
            if _is_lack(error):
                continue  # the backend has no such kernel on this machine
            raise Broken(
                f"with dtype={policy!r} a call raises {summary(error)}",
                code,
                {"dtype": policy},
            ) from error
        _dtypes(case, layer, outputs, rounded, policy, code)
        for weight in layer.weights:
            wanted = layer.variable_dtype
            if not keras.backend.is_float_dtype(weight.dtype) or _pinned(layer):
                continue
            if weight.dtype not in (wanted, "float32"):
                raise Broken(
                    f"with dtype={policy!r}, {weight.path} is of dtype {weight.dtype}, "
                    f"and the policy's variables are {wanted}",
                    code,
                    {"dtype": policy},
                )
        if [w.shape for w in layer.weights] != [w.shape for w in exact.weights]:
            continue
        layer.set_weights(exact.get_weights())
        _near(case(layer, rounded), expected, policy, tolerance, code)


@law("give every sublayer `dtype=self.dtype_policy`: Keras does not hand it down.")
def check_sublayer_policies(case: Case) -> None:
    """With `dtype=` the layers inside have the policies that a global one gives."""
    _need_dtype(case)
    pure = _built(case, dtype="float16")
    for policy in ("mixed_float16", "bfloat16"):
        given = _built(case, dtype=policy)
        with _global_policy(policy):
            reference = _built(case)
        if not len(given) == len(reference) == len(pure):
            continue
        for mine, other, plain in zip(given, reference, pure, strict=True):
            name = mine.dtype_policy.name
            # One that is kept in float32 for good is so under every policy.
            follows = plain.dtype_policy.name == "float16"
            if name != other.dtype_policy.name or (follows and name != policy):
                raise Broken(
                    f"made with dtype={policy!r}, its {type(mine).__name__} "
                    f"{mine.name!r} has the policy {name!r}",
                    [
                        f"x = {array_code(case.sample())}",
                        f"layer({case.star}x)",
                        "for inner in layer._flatten_layers(include_self=False):",
                        "    print(inner.name, inner.dtype_policy.name)",
                        f"    assert inner.dtype_policy.name == {policy!r}",
                    ],
                    {"dtype": policy},
                )


def _built(case: Case, **over: Any) -> list[keras.layers.Layer]:
    """The layers that a new layer makes inside itself."""
    layer = case.make(**over)
    try:
        case(layer, case.symbols())
    except Exception:
        case(layer, case.sample())
    return _own_sublayers(layer)


@law(
    "leave integers as they are until they have been used as indices; cast them to the "
    "compute dtype only where they are values."
)
def check_integer_inputs(case: Case) -> None:
    """Integers above what half precision can tell apart are told apart."""
    flat = tree.flatten(case.inputs)
    if not any(not one.is_float and one.dtype != "bool" for one in flat):
        raise NotApplicable("it has no integer inputs")
    _need_dtype(case)
    large = {
        name: 6000
        for name in _VOCABULARY
        if name in constructor_arguments(case.layer_class)
    }
    x = tree.map_structure(
        lambda one: (
            one
            if one.dtype.kind not in "iu"
            else (np.arange(one.size).reshape(one.shape) * 2 + 4099).astype(one.dtype)
        ),
        case.sample(4),
    )
    for over in (large, {}):
        try:
            exact = case.make_seeded(**over)
            expected = arrays(case(exact, x))
        except Exception:
            continue
        if not all(np.isfinite(one).all() for one in expected if one.dtype.kind == "f"):
            continue
        break
    else:
        raise NotApplicable("it takes no large integers")
    for policy in ("mixed_float16", "mixed_bfloat16"):
        layer = case.make_seeded(**{**over, "dtype": policy})
        case(layer, x)
        if [w.shape for w in layer.weights] != [w.shape for w in exact.weights]:
            continue
        layer.set_weights(exact.get_weights())
        for ours, theirs in zip(arrays(case(layer, x)), expected, strict=True):
            if theirs.shape != ours.shape or theirs.dtype.kind != "f":
                continue
            if share_apart(ours, theirs, 0.1) > 0.2:
                raise Broken(
                    f"with dtype={policy!r}, integers such as 4099 give other outputs "
                    "than in float32: they are cast to half precision",
                    [
                        f"x = {array_code(x)}",
                        f"layer({case.star}x)",
                        "exact = type(layer).from_config("
                        "dict(layer.get_config(), dtype='float32'))",
                        f"exact({case.star}x)",
                        "exact.set_weights(layer.get_weights())",
                        f"one, other = exact({case.star}x), layer({case.star}x)",
                        "np.testing.assert_allclose(one, keras.ops.cast(other, "
                        "'float32'), rtol=0.1, atol=0.1)",
                    ],
                    {**over, "dtype": policy},
                )


@law("compute positions, and what is made of them, in float32 or as integers.")
def check_long_inputs(case: Case) -> None:
    """Under bfloat16, positions far into a long input are told apart."""
    _need_dtype(case)
    axes = [axis for axis in case.axes if axis[0] == 1]
    has_steps = any(len(one.shape) > 2 for one in tree.flatten(case.inputs))
    if not axes or not (has_steps or not case.has_floats):
        raise NotApplicable("its input has no axis of positions")
    sizes = dict.fromkeys(axes, _LENGTH)
    x = case.sample(1, sizes=sizes)
    if sum(one.size for one in tree.flatten(x)) > 200_000:
        raise NotApplicable("its inputs are too large to be made long")
    # The same at each position: what differs comes from the position alone.
    steady = tree.map_structure(
        lambda one: np.ascontiguousarray(
            np.broadcast_to(_round(one)[:, :1], one.shape)
        ),
        x,
    )
    over: dict[str, Any] = {
        name: 2 * _LENGTH
        for name in ("max_length", "max_len", "sequence_length", "maxlen")
        if name in constructor_arguments(case.layer_class)
    }
    try:
        exact = case.make_seeded(**over)
        expected = arrays(case(exact, steady))
    except Exception as error:
        raise NotApplicable("it does not take long inputs") from error
    layer = case.make_seeded(**{**over, "dtype": "mixed_bfloat16"})
    try:
        case(layer, steady)
    except Exception as error:
        raise NotApplicable("a call under bfloat16 fails") from error
    if [w.shape for w in layer.weights] != [w.shape for w in exact.weights]:
        raise NotApplicable("its weights are other ones under another policy")
    layer.set_weights(exact.get_weights())
    for ours, theirs in zip(arrays(case(layer, steady)), expected, strict=True):
        if ours.ndim < 3 or ours.shape != theirs.shape or theirs.dtype.kind != "f":
            continue
        if ours.shape[1] != _LENGTH:
            continue
        early, late = slice(0, 100), slice(2 * _LENGTH // 3, None)
        spread = np.std(theirs[:, late], axis=1, keepdims=True)
        apart = np.abs(ours - theirs)
        bad_late = (apart[:, late] > 0.25 * spread + 0.05).mean(axis=(0, 1))
        bad_early = (apart[:, early] > 0.25 * spread + 0.05).mean(axis=(0, 1))
        # A sum over the positions loses precision too, and honestly, step by step.
        changes = np.abs(np.diff(theirs[:, late], axis=1)).mean(axis=(0, 1))
        rough = changes > 0.1 * np.squeeze(spread, 1).mean(axis=0)
        if ((bad_late > 0.3) & (bad_early < 0.1) & rough).any():
            raise Broken(
                "with dtype='mixed_bfloat16', positions from about 450 on are not told "
                "apart: they are counted in half precision",
                [
                    f"x = {array_code(steady)}",
                    "x = keras.tree.map_structure(lambda a: 0 * a + a[:, :1], x)",
                    f"layer({case.star}x)",
                    "exact = type(layer).from_config("
                    "dict(layer.get_config(), dtype='float32'))",
                    f"exact({case.star}x)",
                    "exact.set_weights(layer.get_weights())",
                    f"one, other = exact({case.star}x), layer({case.star}x)",
                    "np.testing.assert_allclose(one, keras.ops.cast(other, 'float32'), "
                    "rtol=0.2, atol=0.2)",
                ],
                {**over, "dtype": "mixed_bfloat16"},
            )


def _dtypes(
    case: Case,
    layer: keras.layers.Layer,
    outputs: Any,
    x: Any,
    policy: str,
    code: list[str],
) -> None:
    half = tree.map_structure(
        lambda one: (
            keras.ops.cast(one, layer.compute_dtype) if one.dtype.kind == "f" else one
        ),
        x,
    )
    # A layer that does not convert its inputs is told the truth by half inputs only.
    for arrays_, symbols in (
        (x, case.symbols()),
        (half, _half_symbols(case, layer.compute_dtype)),
    ):
        real = tree.flatten(case(layer, arrays_))
        declared = tree.flatten(case(case.make(dtype=policy), symbols))
        wrong = [
            (dtype_of(one), spec.dtype)
            for one, spec in zip(real, declared, strict=True)
            if one is not None and dtype_of(one) != spec.dtype
        ]
        if not wrong:
            break
    else:
        raise Broken(
            f"with dtype={policy!r}, an output is {wrong[0][0]} and declared "
            f"{wrong[0][1]}",
            code,
            {"dtype": policy},
        )
    if _declares(layer) or _pinned(layer):
        return
    for one in real:
        if one is None or not keras.backend.is_float_dtype(dtype_of(one)):
            continue
        if dtype_of(one) != layer.compute_dtype:
            raise Broken(
                f"with dtype={policy!r}, an output is {dtype_of(one)}, and not the "
                f"policy's {layer.compute_dtype}",
                code,
                {"dtype": policy},
            )


def _near(
    ours: Any, theirs: Any, policy: str, tolerance: float, code: list[str]
) -> None:
    for one, other in zip(arrays(ours), arrays(theirs), strict=True):
        if other.dtype.kind != "f" or one.shape != other.shape:
            continue
        if not np.isfinite(one).all() and np.isfinite(other).all():
            raise Broken(
                f"with dtype={policy!r}, an output is not finite, and it is in float32",
                [
                    code[0],
                    f"y = {code[1].partition('= ')[2]}",
                    "assert all(np.isfinite(keras.ops.cast(one, 'float32')).all() "
                    "for one in keras.tree.flatten(y))",
                ],
                {"dtype": policy},
            )
        # Some values may jump: the nearest of two equally near codes is either.
        if share_apart(one, other, tolerance) > 0.25:
            raise Broken(
                f"with dtype={policy!r}, outputs are far from those in float32",
                code,
                {"dtype": policy},
            )


def _half_symbols(case: Case, dtype: str) -> Any:
    return tree.map_structure(
        lambda one: (
            keras.Input(one.shape[1:], dtype=dtype)
            if keras.backend.is_float_dtype(one.dtype)
            else one
        ),
        case.symbols(),
    )


def _declares(layer: keras.layers.Layer) -> bool:
    """Whether the layer tells the dtype of its output by a method of its own."""
    own, base = type(layer).compute_output_spec, keras.layers.Layer.compute_output_spec
    return own is not base


def _pinned(layer: keras.layers.Layer) -> bool:
    """Whether a layer inside is kept at another dtype under a global policy too."""
    return any(inner.compute_dtype != layer.compute_dtype for inner in sublayers(layer))


def _own_sublayers(layer: keras.layers.Layer) -> list[keras.layers.Layer]:
    """The layers inside that the layer made itself, and was not given."""
    return sublayers(layer, set(_names(layer.get_config())))


def _names(config: Any) -> Iterator[str]:
    """The names of the layers that a config holds."""
    if isinstance(config, keras.layers.Layer):
        yield config.name
        return
    if isinstance(config, dict):
        inner = config.get("config")
        if "class_name" in config and isinstance(inner, dict) and "name" in inner:
            yield inner["name"]
        for value in config.values():
            yield from _names(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from _names(value)


def _round(array: Any) -> Any:
    """Floats that bfloat16 holds exactly, so that rounding them changes nothing."""
    if array.dtype.kind != "f":
        return array
    return keras.ops.convert_to_numpy(
        keras.ops.cast(keras.ops.cast(array, "bfloat16"), "float32")
    ).astype(array.dtype)


def _is_lack(error: Exception) -> bool:
    text = str(error)
    return any(
        words in text
        for words in (
            "Could not find device for node",
            "No OpKernel was registered",
            "not implemented for",
            "No registered",
        )
    )


def _need_dtype(case: Case) -> None:
    if not case.takes("dtype"):
        raise NotApplicable("its constructor does not take 'dtype'")
    try:
        case.make(dtype="mixed_float16")
    except Exception as error:
        raise NotApplicable("its constructor refuses a policy") from error


@contextmanager
def _global_policy(policy: str) -> Iterator[None]:
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
