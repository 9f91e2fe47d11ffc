"""Search spaces of the blocks: functions from `hp` to constructor arguments.

Each function opens a name scope of its own, so that two blocks of a model do not
share their hyperparameters, and takes as keywords whatever is not to be searched:

    kb.ResidualBlock(**spaces.residual_block(hp, "stage1", filters=32, strides=2))

KerasTuner reads a space with its own `hp`, and Hypothesis the same function through
`kerasblocks.testing.configs`: every point of every space is tested to build.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

ACTIVATIONS = ("relu", "elu", "gelu", "silu")
NORMALIZATIONS = ("batch", "layer", "group", "none")
FILTERS = (16, 32, 64, 128)


class _Space:
    """The arguments of one block: those that are given, and those that hp chooses."""

    def __init__(self, hp: Any, given: dict[str, Any]):
        self.hp = hp
        self.given = given
        self.arguments = dict(given)

    def choice(
        self,
        name: str,
        values: Sequence[Any],
        *,
        parent: str | None = None,
        among: Sequence[Any] = (),
        none: Any = "none",
    ) -> None:
        """Chooses an argument, unless it is given.

        Args:
            name: The argument.
            values: What it may be, the default first.
            parent: An argument that was chosen before, on which this one depends.
            among: The values of the parent with which this argument is there.
            none: The value that stands for None, which KerasTuner cannot hold.
        """
        active = parent is None or self.arguments[parent] in among
        if name in self.given or (not active and parent in self.given):
            return
        condition = {}
        if parent is not None and parent not in self.given:
            condition = {"parent_name": parent, "parent_values": list(among)}
        value = self.hp.Choice(name, list(values), **condition)
        if active:
            self.arguments[name] = None if value == none else value


def conv_block(hp: Any, name: str = "conv_block", **given: Any) -> dict[str, Any]:
    """The space of `ConvBlock`.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        **given: Arguments that are not to be searched, passed on as they are.

    Returns:
        The constructor's arguments.

    Example:
        >>> import keras_tuner as kt
        >>> conv_block(kt.HyperParameters(), filters=8, strides=2, activation="relu")
        {'filters': 8, 'strides': 2, 'activation': 'relu', ...}
    """
    with hp.name_scope(name):
        space = _Space(hp, given)
        space.choice("convolution", ["standard", "separable"])
        space.choice("filters", FILTERS)
        space.choice("kernel_size", [3, 1, 5])
        space.choice("strides", [1, 2])
        space.choice("normalization", NORMALIZATIONS)
        space.choice("activation", ACTIVATIONS)
        return space.arguments


def inception_block(
    hp: Any, name: str = "inception_block", **given: Any
) -> dict[str, Any]:
    """The space of `InceptionBlock`'s four default branches; see `conv_block`.

    Example:
        >>> import keras_tuner as kt
        >>> inception_block(kt.HyperParameters(), filters=8, strides=2)
        {'filters': 8, 'strides': 2, 'normalization': 'batch', 'activation': 'relu'}
    """
    with hp.name_scope(name):
        space = _Space(hp, given)
        space.choice("filters", FILTERS)
        space.choice("strides", [1, 2])
        space.choice("normalization", NORMALIZATIONS)
        space.choice("activation", ACTIVATIONS)
        return space.arguments


def residual_block(
    hp: Any, name: str = "residual_block", **given: Any
) -> dict[str, Any]:
    """The space of `ResidualBlock`; see `conv_block`.

    Pooling is in it only where the stride leaves something to pool, and a bottleneck
    only where 4 divides the filters.

    Example:
        >>> import keras_tuner as kt
        >>> space = residual_block(kt.HyperParameters(), filters=8, strides=1)
        >>> "pooling" in space, space["depth"]
        (False, 2)
    """
    with hp.name_scope(name):
        space = _Space(hp, given)
        space.choice("filters", FILTERS)
        space.choice("depth", [2, 1, 3])
        space.choice("kernel_size", [3, 5])
        space.choice("strides", [1, 2])
        space.choice("pooling", ["none", "max"], parent="strides", among=[2, 3])
        if space.arguments["filters"] % 4 == 0:
            space.choice("bottleneck", [0, 4], none=0)
        space.choice("order", ["book", "post", "pre"])
        space.choice("normalization", NORMALIZATIONS)
        space.choice("activation", ACTIVATIONS)
        return space.arguments


def siamese_encoder(
    hp: Any, name: str = "siamese_encoder", **given: Any
) -> dict[str, Any]:
    """The space of `SiameseEncoder` for two inputs, its encoder left out.

    See `conv_block` for the arguments.

    Example:
        >>> import keras_tuner as kt
        >>> siamese_encoder(kt.HyperParameters())["merge"]
        'absolute_difference'
    """
    with hp.name_scope(name):
        space = _Space(hp, given)
        space.choice(
            "merge",
            [
                *("absolute_difference", "squared_difference", "multiply"),
                *("concatenate", "average", "dot", "cosine", "euclidean"),
            ],
        )
        return space.arguments


def hidden_layers(
    hp: Any, name: str = "hidden", *, most: int = 2, units: Sequence[int] = (32, 64)
) -> list[int]:
    """The space of a head's hidden layers: their number and the units of each.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        most: The largest number of layers.
        units: The choices for the units of each.

    Example:
        >>> import keras_tuner as kt
        >>> hidden_layers(kt.HyperParameters())
        []
    """
    with hp.name_scope(name):
        depth = hp.Int("depth", 0, most)
        widths = [
            hp.Choice(
                f"units_{i}",
                list(units),
                parent_name="depth",
                parent_values=list(range(i, most + 1)),
            )
            for i in range(1, most + 1)
        ]
        return widths[:depth]
