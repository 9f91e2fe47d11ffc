"""Stages of convolutional blocks: what images, sequences and tokens are encoded by."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import keras

from kerasblocks.blocks.conv_block import ConvBlock
from kerasblocks.blocks.inception_block import InceptionBlock
from kerasblocks.blocks.pooling import Pooling
from kerasblocks.blocks.residual_block import ResidualBlock
from kerasblocks.blocks.squeeze_excite import SqueezeExcite
from kerasblocks.blocks.xception_block import XceptionBlock
from kerasblocks.core.axes import layer_class
from kerasblocks.spaces.domains import Domain, among, candidates
from kerasblocks.spaces.space import Space

BLOCKS = ("plain", "residual", "inception", "separable", "xception")
POOLINGS = ("flatten", "average", "max")
ARGUMENTS = (
    *("block", "stages", "filters", "depth", "kernel_size", "downsample"),
    *("squeeze_excite", "normalization", "norm_momentum", "activation", "pooling"),
)
_SMALLEST = 4  # a size below this is not halved any more
_MOST_STAGES = 4
_MOST_FILTERS = 512
_LARGE = 64  # a size from this on is reduced before the first stage
_FLATTENED = 64  # so many positions at most may be flattened


def stages(
    hp: Any,
    name: str,
    *,
    sizes: Sequence[int | None],
    kernels: Domain,
    given: Mapping[str, Any],
) -> dict[str, Any]:
    """The space of stages, each of which halves the sizes before it but the first.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        sizes: The input's spatial sizes, None where they are not known.
        kernels: What the kernel's size may be.
        given: What the user fixed or narrowed.

    Returns:
        What `make_stages` takes.
    """
    given = dict(given)
    most = count_stages(sizes)
    depth = given.pop("depth", among(1, 2))
    poolings = among(*POOLINGS[0 if _is_flattened(sizes) else 1 :])
    with Space(hp, "stages", name, given, ARGUMENTS) as space:
        space.choose("block", among(*BLOCKS), legal=BLOCKS)
        default = among(*sorted(range(1, most + 1), key=lambda n: abs(n - 2)))
        space.choose("stages", default, legal=range(1, most + 1))
        space.choose("filters", among(32, 16, 64))
        possible = candidates(given.get("stages", default))
        for stage in range(1, max(possible) + 1):
            space.choose(
                f"depth_{stage}",
                among(depth) if isinstance(depth, int) else depth,
                when=("stages", lambda count, stage=stage: count >= stage),
            )
        space.choose("kernel_size", kernels)
        space.choose(
            "downsample",
            among("max", "stride"),
            when=("stages", lambda count: count > 1),
            legal=("stride", "max"),
        )
        space.choose("squeeze_excite", among(None, 4))
        space.choose("normalization", among("batch", "group"))
        space.choose(
            "norm_momentum",
            among(0.9),
            when=("normalization", lambda kind: kind == "batch"),
        )
        space.choose("activation", among("relu", "silu", "gelu"))
        space.choose("pooling", poolings, legal=poolings.values)
    return space.arguments


def count_stages(sizes: Sequence[int | None]) -> int:
    """How many stages there can be: each but the first halves some size of 4 or more.

    Example:
        >>> count_stages([8, 8]), count_stages([24]), count_stages([None]),
        (3, 4, 3)
        >>> count_stages([1, 1]), count_stages([1, 9]), count_stages([224, 224])
        (1, 3, 4)
    """
    left = [size for size in sizes if size is not None]
    if len(left) < len(sizes):
        return 3
    count = 1
    while max(left) >= _SMALLEST and count < _MOST_STAGES:
        left = [math.ceil(size / 2) if size >= _SMALLEST else size for size in left]
        count += 1
    return count


def make_stages(
    config: Mapping[str, Any],
    sizes: Sequence[int | None],
    data_format: str | None,
) -> list[keras.layers.Layer]:
    """The layers of stages, from the input to a vector of features.

    Args:
        config: What `stages` gave.
        sizes: The input's spatial sizes, None where they are not known.
        data_format: As for the blocks.
    """
    normalization = config["normalization"]
    if normalization == "batch":
        normalization = keras.layers.BatchNormalization(
            momentum=config["norm_momentum"]
        )
    common = {
        "normalization": normalization,
        "activation": config["activation"],
        "data_format": data_format,
    }
    layers, left = _stem(config, sizes, common)
    for stage in range(1, config["stages"] + 1):
        filters = min(config["filters"] * 2 ** (stage - 1), _MOST_FILTERS)
        strides: Any = 1
        if stage > 1:
            strides, left = _halve(left)
            if _pools(config, strides):
                kind = {"data_format": data_format, "name": f"reduce_{stage}"}
                layers.append(Pooling("max", strides, **kind))
                strides = 1
        for block in range(1, config[f"depth_{stage}"] + 1):
            layers.append(
                _MAKERS[config["block"]](
                    max(4, filters),
                    config["kernel_size"],
                    strides,
                    **common,
                    name=f"stage_{stage}_{block}",
                )
            )
            strides = 1
        if config["squeeze_excite"]:
            layers.append(
                SqueezeExcite(
                    config["squeeze_excite"],
                    data_format=data_format,
                    name=f"excite_{stage}",
                )
            )
    if config["block"] == "xception":  # whose blocks end in a sum
        layers.append(keras.layers.Activation(config["activation"], name="activation"))
    return [*layers, _pooling(config["pooling"], len(sizes), data_format)]


def _stem(
    config: Mapping[str, Any], sizes: Sequence[int | None], common: dict[str, Any]
) -> tuple[list[keras.layers.Layer], list[int | None]]:
    """The first convolution, and what leaves large inputs at a size below 64."""
    strides, left = 1, list(sizes)
    layers: list[keras.layers.Layer] = []
    if _are_large(left):
        strides, left = _halve(left)
    layers.append(
        ConvBlock(
            config["filters"],
            config["kernel_size"],
            strides=strides,
            **common,
            name="stem",
        )
    )
    count = 0
    while _are_large(left):
        strides, left = _halve(left)
        count += 1
        kind = {"data_format": common["data_format"], "name": f"stem_reduce_{count}"}
        layers.append(Pooling("max", strides, **kind))
    return layers, left


def _are_large(sizes: Sequence[int | None]) -> bool:
    return math.prod(size or 1 for size in sizes) >= _LARGE ** min(len(sizes), 2) * 2


def _halve(sizes: Sequence[int | None]) -> tuple[tuple[int, ...], list[int | None]]:
    """The strides that halve each size that is not too small, and what is left."""
    strides = tuple(2 if size is None or size >= _SMALLEST else 1 for size in sizes)
    left = [
        None if size is None else math.ceil(size / stride)
        for size, stride in zip(sizes, strides, strict=True)
    ]
    return strides, left


def _pools(config: Mapping[str, Any], strides: tuple[int, ...]) -> bool:
    uneven = len(set(strides)) > 1
    # Keras' separable convolutions take one stride for all axes.
    return config.get("downsample") == "max" or (
        uneven and config["block"] == "separable"
    )


def _residual(filters: int, kernel: Any, strides: Any, **common: Any) -> Any:
    return ResidualBlock(filters, kernel, strides, **common)


def _xception(filters: int, kernel: Any, strides: Any, **common: Any) -> Any:
    return XceptionBlock(filters, kernel, strides, **common)


def _inception(filters: int, kernel: Any, strides: Any, **common: Any) -> Any:
    part = filters // 4
    branches = [
        [(part, 1, strides)],
        [(part, 1), (part, kernel, strides)],
        [(part, 1), (part, kernel), (part, kernel, strides)],
        [("max", 3, strides), (part, 1)],
    ]
    return InceptionBlock(branches=branches, **common)


def _plain(filters: int, kernel: Any, strides: Any, **common: Any) -> Any:
    return ConvBlock(filters, kernel, strides, **common)


def _separable(filters: int, kernel: Any, strides: Any, **common: Any) -> Any:
    return ConvBlock(filters, kernel, strides, convolution="separable", **common)


_MAKERS = {
    "residual": _residual,
    "inception": _inception,
    "plain": _plain,
    "separable": _separable,
    "xception": _xception,
}


def _is_flattened(sizes: Sequence[int | None]) -> bool:
    return None not in sizes and math.prod(s or 0 for s in sizes) <= _FLATTENED


def _pooling(kind: str, rank: int, data_format: str | None) -> keras.layers.Layer:
    if kind == "flatten":
        return keras.layers.Flatten(data_format=data_format, name="features")
    names = {"average": "GlobalAveragePooling{}D", "max": "GlobalMaxPooling{}D"}
    return layer_class(names[kind], rank)(data_format=data_format, name="features")
