"""The step language: the layers of a branch as data.

`InceptionBlock(branches=...)` takes a list of branches, and `ResidualBlock(branch=...)`
takes one branch. A branch is a list of steps. A step is

- `(filters, kernel_size)`: a `ConvBlock`;
- `("max", pool_size)` or `("average", pool_size)`: a `Pooling`, with strides of 1;
- either with `strides` and `padding` after it: `(64, 3, 2)`, `("max", 3, 2, "valid")`;
- a dict of `ConvBlock` arguments;
- a list of branches: a fork, which concatenates their outputs;
- any Keras layer.

GoogLeNet's first module is

    [[(64, 1)],
     [(96, 1), (128, 3)],
     [(16, 1), (32, 5)],
     [("max", 3), (32, 1)]]

and the branch of ResNeXt-50's first block

    [(128, 1), {"filters": 128, "kernel_size": 3, "groups": 32}, (256, 1)]
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import keras

from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.parallel import Parallel
from kerasblocks.blocks.pooling import POOLINGS, Pooling
from kerasblocks.blocks.squeeze_excite import SqueezeExcite
from kerasblocks.core.arguments import is_positive_int

_CONVOLUTION = ("filters", "kernel_size", "strides", "padding")
_POOLING = ("pool_size", "strides", "padding")


def make_branch(
    owner: str,
    argument: str,
    branch: Any,
    *,
    common: dict[str, Any],
    convolution: dict[str, Any],
) -> list[keras.layers.Layer]:
    """Makes the layers of a branch.

    Args:
        owner: The class, for error messages.
        argument: The argument's name, for error messages.
        branch: A list of steps.
        common: Arguments of all blocks: `data_format` and `dtype`.
        convolution: Arguments of the convolutions, such as `normalization` and
            `activation`. The dict of a step can override them.

    Raises:
        ValueError: `branch` is not a list, or a step is not legal.
    """
    if not isinstance(branch, list | tuple):
        raise ValueError(
            f"{owner}: a branch in '{argument}' must be a list of steps, got {branch!r}"
        )
    return [
        _make_step(owner, argument, step, position, common, convolution)
        for position, step in enumerate(branch, start=1)
    ]


def convolution_arguments(step: Any) -> dict[str, Any] | None:
    """Returns the `ConvBlock` arguments of a step, or None for another kind of step.

    Example:
        >>> convolution_arguments((64, 3))
        {'filters': 64, 'kernel_size': 3}
        >>> convolution_arguments(("max", 3)) is None
        True
    """
    if isinstance(step, dict):
        return dict(step)
    if (
        isinstance(step, list | tuple)
        and 2 <= len(step) <= len(_CONVOLUTION)
        and is_positive_int(step[0])
    ):
        return dict(zip(_CONVOLUTION, step, strict=False))
    return None


def end_linear(branch: Any) -> Any:
    """The branch, its last convolution without activation unless its step has one.

    Poolings and `SqueezeExcite` may come after that convolution. At any other layer the
    branch stays as it is. In a fork, each branch ends linear.

    Example:
        >>> end_linear([(8, 1), (16, 3), ("max", 2)])
        [(8, 1), {'activation': None, 'filters': 16, 'kernel_size': 3}, ('max', 2)]
    """
    steps = list(branch)
    for place in reversed(range(len(steps))):
        step = steps[place]
        arguments = convolution_arguments(step)
        if arguments is not None:
            steps[place] = {"activation": None, **arguments}
        elif _is_fork(step):
            steps[place] = [end_linear(one) for one in step]
        elif isinstance(step, SqueezeExcite) or _is_pooling(step):
            continue
        break
    return steps


def copy_steps(branch: Any) -> Any:
    """The same steps in lists, tuples and dicts that nobody else can change."""
    if isinstance(branch, Mapping):
        return {name: copy_steps(value) for name, value in branch.items()}
    if isinstance(branch, list | tuple):
        return type(branch)(copy_steps(step) for step in branch)
    return branch


def refuse_beside(block: type, argument: str, **given: Any) -> None:
    """Raises where an argument is given beside steps that have their own.

    Args:
        block: The class.
        argument: The argument that holds the steps.
        **given: The other arguments. They must have their defaults.
    """
    parameters = inspect.signature(block.__init__).parameters
    for name, value in given.items():
        default = parameters[name].default if name in parameters else None
        if value != default:
            raise ValueError(
                f"{block.__name__}: '{name}' must be left out with '{argument}', "
                f"because the steps have their own, got {value!r}"
            )


def _is_pooling(step: Any) -> bool:
    return isinstance(step, list | tuple) and bool(step) and str(step[0]) in POOLINGS


def _is_fork(step: Any) -> bool:
    return isinstance(step, list | tuple) and all(
        isinstance(branch, list | tuple) for branch in step
    )


def _make_step(
    owner: str,
    argument: str,
    step: Any,
    position: int,
    common: dict[str, Any],
    convolution: dict[str, Any],
) -> keras.layers.Layer:
    if isinstance(step, keras.layers.Layer):
        return step
    arguments = convolution_arguments(step)
    if arguments is not None:
        name = {"name": f"conv_{position}"}
        try:
            return ConvBlock(**{**common, **convolution, **name, **arguments})
        except (TypeError, ValueError) as error:
            place = f"step {position} of a branch in '{argument}'"
            kind = TypeError if isinstance(error, TypeError) else ValueError
            raise kind(f"{owner}: {place}, {step!r}: {error}") from None
    if isinstance(step, list | tuple) and step:
        kind, *rest = step
        if _is_fork(step):
            fork = [
                make_branch(
                    owner, argument, branch, common=common, convolution=convolution
                )
                for branch in step
            ]
            return Parallel(fork, name=f"fork_{position}", **common)
        if isinstance(kind, str) and kind in POOLINGS and 1 <= len(rest) <= 3:
            given = dict(zip(_POOLING, rest, strict=False))
            name = f"pooling_{position}"
            return Pooling(kind, **{"strides": 1, **given}, name=name, **common)
    raise ValueError(
        f"{owner}: a step in '{argument}' must be (filters, kernel_size) or ('max' or "
        "'average', pool_size), either with strides and padding after them, a dict of "
        f"ConvBlock arguments, a list of branches or a Keras layer, got {step!r}"
    )
