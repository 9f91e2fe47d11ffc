"""The oracles by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import keras_tuner as kt

from kerasblocks.search.errors import StudyError
from kerasblocks.search.oracles.bayesian import Bayesian
from kerasblocks.search.oracles.hyperband import Hyperband
from kerasblocks.search.oracles.sampled import SAMPLERS, Sampled

Kind = str | Callable[[kt.Objective, int], kt.Oracle]

ORACLES: dict[str, Callable[..., kt.Oracle]] = {
    "random": kt.oracles.RandomSearchOracle,
    "grid": kt.oracles.GridSearchOracle,
    "bayesian": Bayesian,
    "hyperband": Hyperband,
    **{name: partial(Sampled, name) for name in SAMPLERS},
}
"""What a study may name as its oracle."""

ONE_OBJECTIVE = ("bayesian", "hyperband")
"""Oracles that cannot seek several objectives."""


def check(kind: Kind, goals: Sequence[kt.Objective]) -> None:
    """Check that an oracle can seek so many objectives.

    Random points and grids do not look at any, which is fine for several.

    Args:
        kind: A name in `ORACLES`, or a function.
        goals: The objectives.

    Raises:
        StudyError: It cannot; it says which can.

    Example:
        >>> check("tpe", [kt.Objective("val_loss", "min"), kt.Objective("macs", "min")])
    """
    if kind in ONE_OBJECTIVE and len(goals) > 1:
        names = ", ".join(repr(goal.name) for goal in goals)
        can = ", ".join(repr(name) for name in SAMPLERS)
        raise StudyError(
            f"oracle {kind!r} takes one objective, got {len(goals)} ({names}): for "
            f"several take {can}, or 'random' or 'grid', which look at none"
        )


def make(
    kind: Kind, goals: Sequence[kt.Objective], seed: int, epochs: int
) -> kt.Oracle:
    """Make an oracle.

    Args:
        kind: A name in `ORACLES`, or a function of the first objective and the seed.
        goals: The objectives.
        seed: A positive int; KerasTuner takes 0 for no seed at all.
        epochs: How long a trial trains at most.

    Raises:
        StudyError: It cannot seek so many objectives.

    Example:
        >>> make("hyperband", [kt.Objective("val_loss", "min")], 1, 27).max_epochs
        27
    """
    check(kind, goals)
    if callable(kind):
        return kind(goals[0], seed)
    options: dict[str, Any] = {"objective": goals[0], "seed": seed}
    if kind in SAMPLERS:
        options["objective"] = list(goals)
    if kind == "hyperband":
        options["max_epochs"] = epochs
    return ORACLES[kind](**options)
