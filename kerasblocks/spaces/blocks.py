"""The spaces of the blocks: functions from `hp` to constructor arguments."""

from __future__ import annotations

from typing import Any

import keras

from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.convolution import (
    CONVOLUTIONS,
    convolution_options,
    shared_options,
)
from kerasblocks.blocks.inception_block import InceptionBlock
from kerasblocks.blocks.pooling import POOLINGS
from kerasblocks.blocks.residual_block import (
    OF_THE_KERNEL,
    RESIDUAL_ORDERS,
    ResidualBlock,
    residual_steps,
)
from kerasblocks.blocks.squeeze_excite import SqueezeExcite
from kerasblocks.blocks.xception_block import XceptionBlock
from kerasblocks.spaces.domains import Among, among, candidates, is_domain
from kerasblocks.spaces.space import Space, arguments_of

ACTIVATIONS = among("relu", "elu", "gelu", "silu")
NORMALIZATIONS = among("batch", "layer", "group", None)
FILTERS = among(16, 32, 64, 128)


def conv_block(hp: Any, name: str = "conv_block", **given: Any) -> dict[str, Any]:
    """The space of `ConvBlock`.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        **given: Arguments that are fixed, or narrowed by `among` and `between`.

    Returns:
        The constructor's arguments.

    Raises:
        TypeError: `given` has a name that is no argument of the block.
        ValueError: A value is not legal.

    Example:
        >>> import keras_tuner as kt
        >>> conv_block(kt.HyperParameters(), filters=8, strides=2, activation="relu")
        {'convolution': 'standard', 'filters': 8, 'kernel_size': 3, 'strides': 2, ...}
    """
    kinds = _kinds(given, ("standard", "separable"))
    legal = {*arguments_of(ConvBlock), *_options(kinds)}
    with Space(hp, "conv_block", name, given, legal) as space:
        space.choose("convolution", kinds, legal=CONVOLUTIONS)
        space.choose("filters", FILTERS, when=("convolution", _has_filters))
        space.choose("kernel_size", among(3, 1, 5))
        space.choose("strides", _strides(given))
        space.choose("normalization", NORMALIZATIONS)
        space.choose("activation", ACTIVATIONS)
    space.arguments.setdefault("filters", None)
    return space.arguments


def inception_block(
    hp: Any, name: str = "inception_block", **given: Any
) -> dict[str, Any]:
    """The space of `InceptionBlock`; see `conv_block`.

    With `branches`, which hold their own filters and strides, these are not searched.

    Example:
        >>> import keras_tuner as kt
        >>> inception_block(kt.HyperParameters(), filters=8, strides=2)
        {'filters': 8, 'strides': 2, 'normalization': 'batch', 'activation': 'relu'}
    """
    legal = {*arguments_of(InceptionBlock), *shared_options()}
    with Space(hp, "inception_block", name, given, legal) as space:
        space.choose("branches", among(None))
        space.choose("filters", FILTERS, when=("branches", _is_none))
        space.choose("strides", _strides(given), when=("branches", _is_none))
        space.choose("normalization", NORMALIZATIONS)
        space.choose("activation", ACTIVATIONS)
    if space.arguments["branches"] is None and "branches" not in given:
        del space.arguments["branches"]
    return space.arguments


def residual_block(
    hp: Any, name: str = "residual_block", **given: Any
) -> dict[str, Any]:
    """The space of `ResidualBlock`; see `conv_block`.

    The space has two arguments that the block does not have. `pooling` (None, "max" or
    "average") reduces sizes after the convolutions instead of by a stride; it is
    searched if the stride is above 1. `convolution` is "standard" or, if you give it,
    "separable". A result that uses one of these has a `branch` of steps instead of
    `filters`, `kernel_size`, `strides`, `depth` and `bottleneck`. A bottleneck is
    searched if it divides the filters.

    Example:
        >>> import keras_tuner as kt
        >>> residual_block(kt.HyperParameters(), filters=8, strides=1)
        {'filters': 8, 'kernel_size': 3, 'strides': 1, 'depth': 2, ...}
        >>> residual_block(kt.HyperParameters(), filters=8, strides=2, pooling="max")
        {'branch': [{'filters': 8, ...}, {...}, ('max', 2, 2)], 'order': 'post', ...}
    """
    kinds = _kinds(given, ("standard",))
    legal = {
        *arguments_of(ResidualBlock),
        *_options(kinds) & {*shared_options(), *OF_THE_KERNEL},
        *("convolution", "pooling"),
    }
    factors = [n for n in candidates(given.get("bottleneck", 4)) if n]
    with Space(hp, "residual_block", name, given, legal) as space:
        if "convolution" in given:
            of_blocks = ("standard", "separable")
            space.choose("convolution", kinds, legal=of_blocks)
        space.choose("branch", among(None))
        of_its_own = ("branch", _is_none)
        space.choose("filters", FILTERS, when=of_its_own)
        space.choose("kernel_size", among(3, 5), when=of_its_own)
        space.choose("strides", _strides(given), when=of_its_own)
        space.choose("depth", among(2, 1, 3), when=of_its_own)
        space.choose(
            "pooling",
            among(None, "max"),
            when=("strides", _is_strided),
            legal=(None, *POOLINGS),
        )
        space.choose(
            "bottleneck",
            among(None, 4),
            when=("filters", lambda n: all(n % factor == 0 for factor in factors)),
        )
        space.choose("order", among(*RESIDUAL_ORDERS), legal=RESIDUAL_ORDERS)
        space.choose("normalization", NORMALIZATIONS)
        space.choose("activation", ACTIVATIONS)
    return _with_steps(space.arguments)


def xception_block(
    hp: Any, name: str = "xception_block", **given: Any
) -> dict[str, Any]:
    """The space of `XceptionBlock`; see `conv_block`.

    Example:
        >>> import keras_tuner as kt
        >>> xception_block(kt.HyperParameters(), filters=8, strides=2)
        {'filters': 8, 'kernel_size': 3, 'strides': 2, 'depth': 2, ...}
    """
    with Space(hp, "xception_block", name, given, arguments_of(XceptionBlock)) as space:
        space.choose("filters", FILTERS)
        space.choose("kernel_size", among(3, 5))
        space.choose("strides", _strides(given))
        space.choose("depth", among(2, 1, 3), when=("filters", _is_one_number))
        space.choose("normalization", NORMALIZATIONS)
        space.choose("activation", ACTIVATIONS)
    return space.arguments


def squeeze_excite(
    hp: Any, name: str = "squeeze_excite", **given: Any
) -> dict[str, Any]:
    """The space of `SqueezeExcite`; see `conv_block`.

    With `units`, which stand in for a ratio, there is none.

    Example:
        >>> import keras_tuner as kt
        >>> squeeze_excite(kt.HyperParameters(), activation="relu")
        {'ratio': 16, 'activation': 'relu'}
    """
    with Space(hp, "squeeze_excite", name, given, arguments_of(SqueezeExcite)) as space:
        space.choose("units", among(None))
        space.choose("ratio", among(16, 8, 4), when=("units", _is_none))
        space.choose("activation", among("relu", "silu"))
    if space.arguments["units"] is None:
        del space.arguments["units"]
    return space.arguments


def normalization(hp: Any, name: str = "normalization", **given: Any) -> dict[str, Any]:
    """The space of the argument `normalization` of the blocks, one for all of them.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        **given: What is fixed or narrowed of `kind` ("batch", "layer", "group", "rms"
            or None) and, for "batch", `momentum`.

    Returns:
        A dict with `normalization`, to be passed on to blocks or their spaces.

    Example:
        >>> import keras_tuner as kt
        >>> normalization(kt.HyperParameters(), kind="batch")["normalization"].momentum
        0.9
    """
    kinds = ("batch", "layer", "group", "rms", None)
    with Space(hp, "normalization", name, given, ["kind", "momentum"]) as space:
        kind = space.choose("kind", NORMALIZATIONS, legal=kinds)
        # With Keras' default of 0.99, moving averages need hundreds of steps to settle.
        momentum = space.choose(
            "momentum", among(0.9, 0.97), when=("kind", lambda kind: kind == "batch")
        )
    if kind == "batch":
        return {"normalization": keras.layers.BatchNormalization(momentum=momentum)}
    return {"normalization": kind}


def _with_steps(arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments of `ResidualBlock`, with steps for what it has no argument for."""
    arguments = dict(arguments)
    if arguments["branch"] is not None:
        return arguments
    del arguments["branch"]
    pooling = arguments.pop("pooling", None)
    convolution = arguments.pop("convolution", "standard")
    if pooling is None and convolution == "standard":
        return arguments
    wiring = {name: arguments.pop(name) for name in _WIRING if name in arguments}
    kernel = {name: arguments.pop(name) for name in OF_THE_KERNEL if name in arguments}
    if convolution != "standard":
        kernel["convolution"] = convolution
    if pooling is None:
        branch = residual_steps("residual_block", **wiring, **kernel)
        return {"branch": branch, **arguments}
    strides = wiring.pop("strides")
    if not _is_strided(strides):
        raise ValueError(
            f"residual_block: 'strides' must be above 1 with pooling={pooling!r}, got "
            f"{strides!r}"
        )
    branch = residual_steps("residual_block", strides=1, **wiring, **kernel)
    return {"branch": [*branch, (pooling, strides, strides)], **arguments}


_WIRING = ("filters", "kernel_size", "strides", "depth", "bottleneck")


def _kinds(given: dict[str, Any], kinds: tuple[str, ...]) -> Among:
    """The convolutions that are possible, which settle what else is legal."""
    if "convolution" in given:
        return among(*candidates(given["convolution"]))
    uneven = any(
        isinstance(one, tuple | list) and len(set(one)) > 1
        for one in candidates(given.get("strides", 1))
    )
    # Keras' separable convolutions take one stride for all axes.
    return among("standard") if uneven else among(*kinds)


def _options(kinds: Among) -> set[str]:
    """What the Keras convolutions of all kinds take."""
    known = [kind for kind in kinds.values if kind in CONVOLUTIONS]
    options = [set(convolution_options(kind)) for kind in known]
    return set.intersection(*options) if options else set()


def _strides(given: dict[str, Any]) -> Among:
    """Strides, but no others than 1 beside a dilation: Keras takes one of the two."""
    dilated = any(
        any(number != 1 for number in keras.tree.flatten(one))
        for one in candidates(given.get("dilation_rate", 1))
        if not is_domain(one)
    )
    return among(1) if dilated else among(1, 2)


def _has_filters(convolution: str) -> bool:
    return convolution != "depthwise"


def _is_none(value: Any) -> bool:
    return value is None


def _is_one_number(value: Any) -> bool:
    return isinstance(value, int)


def _is_strided(strides: Any) -> bool:
    return any(number > 1 for number in keras.tree.flatten(strides))
