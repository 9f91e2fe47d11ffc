"""Pruners: whether a trial is to end early, judged by what others did.

A pruner is a function of `(goal, values, others)`: the objective, its value after each
epoch of the trial so far, and the same of every other trial, whether it ended, was
pruned or runs; None for an epoch without one. It keeps nothing in mind, so that a
search that was cut off prunes alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import keras_tuner as kt

from kerasblocks.core.arguments import did_you_mean, is_positive_int

Values = Sequence[float | None]
Pruner = Callable[[kt.Objective, Values, Sequence[Values]], bool]


@dataclass(frozen=True)
class Median:
    """Ends a trial whose best value is worse than the median of the others.

    Of the others those count that came as far; what is compared is the average of
    their values up to this epoch.

    Args:
        warmup: Epochs after which no trial ends yet.
        least: So many others must have come as far.

    Raises:
        ValueError: An argument is no int, or too small.

    Example:
        >>> goal = kt.Objective("val_accuracy", "max")
        >>> pruner = Median(warmup=1, least=2)
        >>> pruner(goal, [0.1, 0.2], [[0.3, 0.5], [0.4, 0.6], [0.2]])
        True

    References:
        Golovin et al., "Google Vizier: A Service for Black-Box Optimization",
        KDD 2017, section 3.2.2.
    """

    warmup: int = 1
    least: int = 5

    def __post_init__(self) -> None:
        _at_least("Median", "warmup", self.warmup, 0)
        _at_least("Median", "least", self.least, 1)

    def __call__(
        self, goal: kt.Objective, values: Values, others: Sequence[Values]
    ) -> bool:
        """Whether the trial is to end."""
        step = len(values)
        mine = _losses(goal, values)
        averages = [
            statistics.fmean(losses)
            for other in others
            if len(other) >= step and (losses := _losses(goal, other[:step]))
        ]
        if step <= self.warmup or not mine or len(averages) < self.least:
            return False
        return min(mine) > statistics.median(averages)


@dataclass(frozen=True)
class SuccessiveHalving:
    """Ends all but the best of the trials that reach a rung (ASHA).

    The rungs are after `first`, `first * factor`, `first * factor**2`... epochs. At a
    rung a trial goes on if its best value so far is among the best `1 / factor` of
    those of all trials that have reached it, without waiting for more to come.

    Args:
        factor: One of so many goes on.
        first: The epochs of the first rung.

    Raises:
        ValueError: An argument is no int, or too small.

    Example:
        >>> goal = kt.Objective("val_loss", "min")
        >>> pruner = SuccessiveHalving(factor=2)
        >>> pruner(goal, [0.9], [[0.5, 0.4]]), pruner(goal, [0.3], [[0.5, 0.4]])
        (True, False)

    References:
        Li et al., "A System for Massively Parallel Hyperparameter Tuning",
        https://arxiv.org/abs/1810.05934 (which promotes trials from rung to rung:
        here, as in its form for trials that cannot pause, they stop at one).
    """

    factor: int = 3
    first: int = 1

    def __post_init__(self) -> None:
        _at_least("SuccessiveHalving", "factor", self.factor, 2)
        _at_least("SuccessiveHalving", "first", self.first, 1)

    def __call__(
        self, goal: kt.Objective, values: Values, others: Sequence[Values]
    ) -> bool:
        """Whether the trial is to end."""
        step = len(values)
        mine = _losses(goal, values)
        if not self._is_rung(step) or not mine:
            return False
        reached = [
            min(losses)
            for other in others
            if len(other) >= step and (losses := _losses(goal, other[:step]))
        ]
        if len(reached) + 1 < self.factor:
            return False
        better = sum(loss < min(mine) for loss in reached)
        return better >= (len(reached) + 1) // self.factor

    def _is_rung(self, step: int) -> bool:
        rung = self.first
        while rung < step:
            rung *= self.factor
        return rung == step


def pruner(wanted: str | Pruner | None) -> Pruner | None:
    """Return a study's pruner.

    Args:
        wanted: A name in `PRUNERS`, a function, or None.

    Raises:
        ValueError: It is none of these; it says what was expected, what came, and the
            near name.

    Example:
        >>> pruner("asha").factor
        3
    """
    if isinstance(wanted, str) and wanted in PRUNERS:
        return PRUNERS[wanted]
    if wanted is None or (callable(wanted) and not isinstance(wanted, (str, type))):
        return wanted
    names = ", ".join(repr(name) for name in PRUNERS)
    hint = did_you_mean(wanted, PRUNERS)
    raise ValueError(f"one of {names}, a function or None, got {wanted!r}{hint}")


def _losses(goal: kt.Objective, values: Values) -> list[float]:
    """The values that are numbers, such that less is better."""
    sign = -1 if goal.direction == "max" else 1
    # No number equals itself but those that are not NaN.
    return [sign * value for value in values if value is not None and value == value]


def _at_least(owner: str, argument: str, value: int, least: int) -> None:
    if not (is_positive_int(value) or (value == 0 and type(value) is int)) or (
        value < least
    ):
        raise ValueError(
            f"{owner}: '{argument}' must be an int of {least} or more, got {value!r}"
        )


PRUNERS: dict[str, Pruner] = {"median": Median(), "asha": SuccessiveHalving()}
"""What a study may name as its pruner."""
