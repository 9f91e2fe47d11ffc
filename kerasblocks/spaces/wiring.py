"""The spaces of what joins and splits: shared encoders, inputs, heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kerasblocks.blocks.merging import MERGES
from kerasblocks.blocks.multi_input import MultiInput
from kerasblocks.blocks.siamese_encoder import SiameseEncoder
from kerasblocks.core.arguments import positive_int
from kerasblocks.heads.balancing import BALANCINGS
from kerasblocks.heads.output import MultiHeadOutput
from kerasblocks.heads.task import Task, replaced
from kerasblocks.spaces.domains import Among, Between, Domain, among
from kerasblocks.spaces.space import Space, arguments_of


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
    with Space(
        hp, "siamese_encoder", name, given, arguments_of(SiameseEncoder)
    ) as space:
        space.choose(
            "merge",
            among(
                *("absolute_difference", "squared_difference", "multiply"),
                *("concatenate", "average", "dot", "cosine_similarity", "euclidean"),
            ),
            legal=(*MERGES, None),
        )
    return space.arguments


def multi_input(hp: Any, name: str = "multi_input", **given: Any) -> dict[str, Any]:
    """The space of `MultiInput`, its encoders left out; see `conv_block`.

    Example:
        >>> import keras_tuner as kt
        >>> multi_input(kt.HyperParameters())
        {'merge': 'concatenate'}
    """
    with Space(hp, "multi_input", name, given, arguments_of(MultiInput)) as space:
        space.choose(
            "merge",
            among("concatenate", "add", "gated", "multiply"),
            legal=tuple(MERGES),
        )
    return space.arguments


def multi_head(
    hp: Any,
    name: str = "multi_head",
    *,
    heads: Mapping[str, Task],
    most: int = 1,
    units: Sequence[int] | Domain = (32, 64),
    **given: Any,
) -> dict[str, Any]:
    """The space of `MultiHeadOutput`: hidden layers for each head, and the balancing.

    A task that has hidden layers keeps them. With the weights of losses that the tasks
    name there is no balancing, as the two exclude each other.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        heads: The tasks by the names of the outputs.
        most: The largest number of hidden layers of a head.
        units: The choices for the units of each.
        **given: Arguments that are fixed, or narrowed by `among`.

    Example:
        >>> import keras_tuner as kt
        >>> from kerasblocks.heads import Binary, Regression
        >>> tasks = {"age": Regression(), "smokes": Binary()}
        >>> config = multi_head(kt.HyperParameters(), heads=tasks)
        >>> config["balancing"], config["heads"]["age"].hidden
        (None, ())
    """
    with Space(hp, "multi_head", name, given, arguments_of(MultiHeadOutput)) as space:
        tasks = {
            head: task
            if task.hidden
            else replaced(task, hidden=hidden_layers(hp, head, most=most, units=units))
            for head, task in heads.items()
        }
        weighted = any(task.loss_weight != 1 for task in heads.values())
        space.choose(
            "balancing",
            among(None) if weighted or len(heads) == 1 else among(None, *BALANCINGS),
        )
    return {"heads": tasks, **space.arguments}


def hidden_layers(
    hp: Any,
    name: str = "hidden",
    *,
    most: int = 2,
    units: Sequence[int] | Domain = (32, 64),
) -> list[int]:
    """The space of a head's hidden layers: their number and the units of each.

    Args:
        hp: KerasTuner's `HyperParameters`, or what Hypothesis puts in its place.
        name: The name scope of the hyperparameters.
        most: The largest number of layers, 0 or more.
        units: The choices for the units of each, as a list or by `among` and `between`.

    Raises:
        ValueError: `most` is no such number.

    Example:
        >>> import keras_tuner as kt
        >>> hidden_layers(kt.HyperParameters())
        []
    """
    if most != 0:
        positive_int("hidden_layers", "most", most)
    domain = units if isinstance(units, Among | Between) else Among(tuple(units))
    with Space(hp, "hidden_layers", name, {}, ()) as space:
        depth = space.choose("depth", Among(tuple(range(most + 1))))
        widths = [
            space.choose(
                f"units_{i}", domain, when=("depth", lambda depth, i=i: depth >= i)
            )
            for i in range(1, most + 1)
        ]
    return widths[:depth]
