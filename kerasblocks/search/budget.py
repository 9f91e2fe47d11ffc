"""`Budget`: how large a model may be, asked of a point before it is paid for."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any

import keras
import keras_tuner as kt

from kerasblocks.core.arguments import did_you_mean
from kerasblocks.inspect.summary import Summary, summary
from kerasblocks.search.errors import StudyError, one_line
from kerasblocks.search.trial import dumps

LIMITS = {
    "parameters": "parameters",
    "macs": "multiply-accumulates a sample",
    "memory": "bytes of weights",
}
"""What a budget may limit, in words."""


class Budget:
    """Says what the model of a point costs, and whether that is too much.

    The model is described, not made: no weight gets a value (see
    `kerasblocks.summary`). Only a hypermodel that cannot be described so, since it
    uses layers made outside of itself or computes with values, is built as a trial
    would build it. Each point is asked about once.

    Args:
        limits: The most that a model may have, by the names in `LIMITS`; empty for
            none.
        build: A function from hyperparameters to a model.

    Attributes:
        smallest: The smallest model that was refused, in words; `""` if none was.

    Raises:
        ValueError: `limits` names something else, or is no positive number.

    Example:
        >>> def build(hp):
        ...     units = hp.Choice("units", [8, 10_000_000])
        ...     return keras.Sequential(
        ...         [keras.Input((100,)), keras.layers.Dense(units)]
        ...     )
        >>> budget = Budget({"parameters": 1e6}, build)
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 10_000_000])
        >>> budget.costs(hp)
        {'parameters': 808, 'macs': 800, 'memory': 3232}
        >>> budget.allows(hp)
        True
        >>> hp.values["units"] = 10_000_000
        >>> budget.allows(hp), budget.smallest
        (False, 'the smallest had 1,010,000,000 parameters (at most 1,000,000)')
    """

    def __init__(
        self,
        limits: Mapping[str, float],
        build: Callable[[kt.HyperParameters], keras.Model],
    ) -> None:
        self.limits = _checked(limits)
        self._build = build
        self._known: dict[str, dict[str, int]] = {}
        self._least: tuple[float, str] | None = None

    @property
    def smallest(self) -> str:
        return f"the smallest had {self._least[1]}" if self._least else ""

    def costs(self, hp: kt.HyperParameters) -> dict[str, int]:
        """Return what the model costs at a point.

        Args:
            hp: The point.

        Returns:
            `parameters`, `macs` (for one sample) and `memory` (bytes of weights),
            without what cannot be counted; nothing of a model that cannot be built.
        """
        name = dumps(hp.values)
        if name not in self._known:
            self._known[name] = self._count(hp)
        return dict(self._known[name])

    def allows(self, hp: kt.HyperParameters) -> bool:
        """Say whether a point is within the budget.

        One whose model cannot be built is: the trial will say why.

        Args:
            hp: The point.

        Raises:
            StudyError: Of a model that can be built, what is limited cannot be counted.
        """
        if not self.limits:
            return True
        costs = self.costs(hp)
        if not costs:
            return True
        for cost in self.limits:
            if cost not in costs:
                raise StudyError(
                    f"the limit on {cost!r} cannot be held: kerasblocks.summary cannot "
                    f"count the {LIMITS[cost]} of the model at {hp.values}; it names "
                    "the layers that it knows nothing of"
                )
        over = {name: costs[name] / most for name, most in self.limits.items()}
        worst = max(over.values())
        if worst <= 1:
            return True
        if self._least is None or worst < self._least[0]:
            self._least = worst, self._words(costs)
        return False

    def _words(self, costs: Mapping[str, int]) -> str:
        return ", ".join(
            f"{costs[name]:,} {LIMITS[name]} (at most {most:,.0f})"
            for name, most in self.limits.items()
            if costs[name] > most
        )

    def _count(self, hp: kt.HyperParameters) -> dict[str, int]:
        # A build adds to the hyperparameters what it asks for.
        try:
            found = summary(lambda: self._build(hp.copy()))
        except Exception as error:
            found = self._count_built(hp, error)
        if found is None:
            return {}
        costs = {
            "parameters": found.parameters,
            "macs": found.macs,
            "memory": found.weight_bytes,
        }
        return {name: int(cost) for name, cost in costs.items() if cost is not None}

    def _count_built(self, hp: kt.HyperParameters, why: Exception) -> Summary | None:
        """Build a model for real, and leave the dice as they were."""
        state = random.getstate()
        try:
            model = self._build(hp.copy())
        except Exception:
            return None
        finally:
            random.setstate(state)
        try:
            return summary(model)
        except Exception as error:
            raise StudyError(
                f"the size of the model at {hp.values} cannot be told: "
                f"{one_line(error)} (and, without making it: {one_line(why)})"
            ) from error


def _checked(limits: Any) -> dict[str, float]:
    legal = ", ".join(map(repr, LIMITS))
    if not isinstance(limits, Mapping):
        raise ValueError(f"Budget: 'limits' must be a dict by {legal}, got {limits!r}")
    for name, most in limits.items():
        if name not in LIMITS:
            raise ValueError(
                f"Budget: 'limits' must be of {legal}, got {name!r}"
                f"{did_you_mean(name, LIMITS)}"
            )
        number = isinstance(most, (int, float)) and not isinstance(most, bool)
        if not number or not 0 < most < float("inf"):
            raise ValueError(
                f"Budget: the limit of {name!r} must be a positive number, got {most!r}"
            )
    return dict(limits)
