"""Passes the inputs that the command line names to a layer."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from _kerasblocks_cli.errors import CommandError
from _kerasblocks_cli.values import Shape

_Inputs = Mapping[str, tuple[Shape, str]]


@dataclass(frozen=True)
class Inputs:
    """The inputs as `kerasblocks.testing.case` takes them.

    Attributes:
        shapes: A shape, or a list or dict of them, or a tuple for several arguments.
        dtypes: The dtypes, in the same structure.
        words: The same in words.
        hint: What else may have been meant, if the layer does not take them.
    """

    shapes: Any
    dtypes: Any
    words: str
    hint: str = ""


def arrange(
    layer: Any, given: Sequence[tuple[str | None, Shape]], dtypes: Sequence[str]
) -> Inputs:
    """Arrange inputs as a layer's `call` takes them.

    They are separate arguments if they have the names of arguments, or if `call` needs
    several. Otherwise named inputs are a dict, and inputs without names are a list.

    Raises:
        CommandError: `call` needs other inputs.

    Example:
        >>> import keras
        >>> arrange(keras.layers.Add(), [(None, (None, 4))] * 2, ["float32"] * 2).words
        'input [(None, 4) float32, (None, 4) float32]'
    """
    arguments, needed, endless = _call_arguments(layer)
    takes = f"--shape: {type(layer).__name__}.call takes "
    takes += " and ".join(arguments[:needed] if needed > len(given) else arguments)
    inputs = {
        name or str(place): (shape, dtype)
        for place, ((name, shape), dtype) in enumerate(zip(given, dtypes, strict=True))
    }
    if given[0][0] is not None:
        if set(inputs) <= set(arguments):
            count = max(needed, *(arguments.index(name) + 1 for name in inputs))
            for name in arguments[:count]:
                if name not in inputs:
                    raise CommandError(f"{takes}; give --shape {name}=SIZES too")
            return _arguments({name: inputs[name] for name in arguments[:count]})
        if needed > 1:
            raise CommandError(f"{takes}, got {' and '.join(inputs)}")
        return _dict(inputs)
    if endless:
        return _arguments(inputs, labels=[""] * len(inputs))
    if needed > len(inputs):
        raise CommandError(f"{takes}; give a --shape for each")
    if needed > 1:
        if len(inputs) > len(arguments):
            raise CommandError(f"{takes}, got {len(inputs)} shapes")
        return _arguments(dict(zip(arguments, inputs.values(), strict=False)))
    if len(inputs) == 1:
        return _arguments(inputs)
    names = arguments[: len(inputs)] if len(arguments) >= len(inputs) else []
    meant = " ".join(f"--shape {name}=SIZES" for name in names)
    hint = f"The inputs were given as one list; as arguments they are {meant}."
    return _list(inputs, hint if names else "")


def _arguments(inputs: _Inputs, labels: Sequence[str] | None = None) -> Inputs:
    if len(inputs) == 1 and labels is None:
        ((shape, dtype),) = inputs.values()
        return Inputs(shape, dtype, f"input {_say(shape, dtype)}")
    shapes, dtypes = zip(*inputs.values(), strict=True)
    words = ", ".join(
        f"{label} {_say(*one)}".strip()
        for label, one in zip(labels or inputs, inputs.values(), strict=True)
    )
    return Inputs(shapes, dtypes, f"inputs {words}")


def _list(inputs: _Inputs, hint: str) -> Inputs:
    shapes, dtypes = map(list, zip(*inputs.values(), strict=True))
    words = ", ".join(_say(*one) for one in inputs.values())
    return Inputs(shapes, dtypes, f"input [{words}]", hint)


def _dict(inputs: _Inputs) -> Inputs:
    shapes = {name: shape for name, (shape, _) in inputs.items()}
    dtypes = {name: dtype for name, (_, dtype) in inputs.items()}
    words = ", ".join(f"{name!r}: {_say(*one)}" for name, one in inputs.items())
    return Inputs(shapes, dtypes, f"input {{{words}}}")


def _call_arguments(layer: Any) -> tuple[list[str], int, bool]:
    """The inputs that `call` takes, how many it needs, and whether it takes any."""
    try:
        parameters = list(inspect.signature(layer.call).parameters.values())
    except (TypeError, ValueError):
        return [], 1, False
    found = [
        one
        for one in parameters
        if one.kind in (one.POSITIONAL_ONLY, one.POSITIONAL_OR_KEYWORD)
        and one.name not in ("training", "mask")
        and not one.name.endswith("_mask")
        and one.default in (one.empty, None)
    ]
    needed = sum(one.default is one.empty for one in found)
    endless = any(one.kind is one.VAR_POSITIONAL for one in parameters)
    return [one.name for one in found], needed, endless and not found


def _say(shape: Shape, dtype: str) -> str:
    return f"{shape} {dtype}"
