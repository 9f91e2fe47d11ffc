"""A hyperparameter of KerasTuner as a parameter of Optuna, both ways."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from kerasblocks.search.oracles.points import (
    count,
    is_active,
    share_of,
    value_at,
)


@dataclass(frozen=True)
class Axis:
    """One hyperparameter as Optuna sees it.

    Names without an order are categories. Values in an order are numbered, so that
    Optuna knows what lies near; what is continuous is a number of 0 to 1, on which
    KerasTuner lays its sampling (`"log"`, say).

    Args:
        entry: KerasTuner's hyperparameter.
        name: Optuna's name for it. KerasTuner may hold two of one name under
            different conditions, which may have different values.
        ordered: The values in ascending order, where they are numbered.

    Example:
        >>> import keras_tuner as kt
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("kernel_size", [3, 1, 5])
        >>> axis = axes(hp)[0]
        >>> [axis.value(number) for number in range(3)], axis.param(5)
        ([1, 3, 5], 2)
    """

    entry: Any
    name: str
    ordered: tuple[Any, ...] | None = None

    @property
    def single(self) -> bool:
        """Whether there is nothing to choose."""
        return count(self.entry) == 1

    @property
    def distribution(self) -> Any:
        """Optuna's distribution."""
        from optuna import distributions

        size = count(self.entry)
        if size is None:
            return distributions.FloatDistribution(0.0, 1.0)
        if self._named:
            return distributions.CategoricalDistribution(
                list(dict.fromkeys(self.entry.values))
            )
        return distributions.IntDistribution(0, size - 1)

    def value(self, param: Any) -> Any:
        """Return KerasTuner's value for Optuna's."""
        size = count(self.entry)
        if size is None:
            return value_at(self.entry, param)
        if self._named:
            return param
        if self.ordered is not None:
            return self.ordered[param]
        return value_at(self.entry, (param + 0.5) / size)

    def param(self, value: Any) -> Any:
        """Return Optuna's value for KerasTuner's.

        Raises:
            ValueError: The hyperparameter has no such value.
        """
        size = count(self.entry)
        if size is None:
            return min(max(share_of(self.entry, value), 0.0), 1.0)
        if self._named:
            return value
        if self.ordered is not None:
            return self.ordered.index(value)
        return min(max(round(share_of(self.entry, value) * size - 0.5), 0), size - 1)

    @property
    def _named(self) -> bool:
        return self.ordered is None and not hasattr(self.entry, "step")


def axes(space: Any) -> list[Axis]:
    """Return the axes of a search space, parents before children."""
    return [_axis(entry) for entry in space.space]


def params(found: list[Axis], values: dict[str, Any]) -> dict[str, Any]:
    """Return a point's active values as Optuna holds them, by Optuna's names.

    Raises:
        ValueError: A value is none that its hyperparameter has.
    """
    return {
        axis.name: axis.param(values[axis.entry.name])
        for axis in found
        if axis.entry.name in values
        and is_active(axis.entry, values)
        and not axis.single
    }


def _axis(entry: Any) -> Axis:
    name = entry.name
    if entry.conditions:
        conditions = [condition.get_config() for condition in entry.conditions]
        name += f" {json.dumps(conditions)}"
    if getattr(entry, "ordered", False):
        return Axis(entry, name, tuple(sorted(set(entry.values))))
    return Axis(entry, name)
