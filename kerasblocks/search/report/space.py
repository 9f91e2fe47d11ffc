"""The hyperparameters of finished trials, each as an axis from 0 to 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasblocks.search.report.words import setting
from kerasblocks.search.results import varying
from kerasblocks.search.trial import Trial

# A range of so many whole numbers is read as a list of them.
_LISTED = 8


@dataclass(frozen=True)
class Parameter:
    """One hyperparameter that tells trials apart.

    Args:
        name: Its name, scopes included.
        values: What it may be, where that is a list; else empty.
        low: The least that it may be, where it is a number of a range.
        high: The most.
        log: Whether the range is even in the logarithm.
        whole: Whether the range is of whole numbers.

    Example:
        >>> Parameter("rate", low=1e-4, high=1e-2, log=True).place(1e-2)
        1.0
        >>> Parameter("unit", values=("relu", "elu", "gelu")).place("gelu")
        1.0
    """

    name: str
    values: tuple[Any, ...] = ()
    low: float = 0.0
    high: float = 1.0
    log: bool = False
    whole: bool = False

    def place(self, value: Any) -> float:
        """Return where a value lies on the axis."""
        if self.values:
            at = [repr(one) for one in self.values].index(repr(value))
            return at / max(len(self.values) - 1, 1)
        low, high, value = (self._scale(x) for x in (self.low, self.high, value))
        return (value - low) / (high - low) if high > low else 0.5

    def _scale(self, value: float) -> float:
        return math.log(value) if self.log else float(value)

    def ticks(self) -> list[tuple[float, str]]:
        """Return places with what to write at them."""
        if self.values:
            return [(self.place(value), setting(value)) for value in self.values]
        if self.log:
            first, last = math.log10(self.low), math.log10(self.high)
            tens = range(math.ceil(first - 1e-9), math.floor(last + 1e-9) + 1)
            decades = [10.0**power for power in tens]
            if len(decades) >= 2:
                step = math.ceil(len(decades) / 5)
                return [(self.place(v), f"{v:g}") for v in decades[::step]]
        middle = (self.low + self.high) / 2
        if self.log:
            middle = math.sqrt(self.low * self.high)
        middle = round(middle) if self.whole else middle
        points = [self.low, middle, self.high]
        return [(self.place(value), f"{value:.3g}") for value in points]

    def grid(self, size: int = 32) -> np.ndarray:
        """Return places that stand for the whole axis, each as likely as another."""
        if self.values:
            return np.array([self.place(value) for value in self.values])
        return (np.arange(size) + 0.5) / size


def parameters(trials: Sequence[Trial]) -> list[Parameter]:
    """Return the hyperparameters that differ between trials, in the space's order.

    Args:
        trials: Any trials; a parameter may be absent where it was not active.

    Example:
        >>> import keras_tuner as kt
        >>> trials = []
        >>> for number, units in enumerate([8, 16], 1):
        ...     hp = kt.HyperParameters()
        ...     hp.values["units"] = units
        ...     _ = hp.Int("units", 8, 64, sampling="log", step=2)
        ...     trials.append(Trial(number, "COMPLETED", hp.get_config(), 0))
        >>> parameters(trials)
        [Parameter(name='units', values=(), low=8.0, high=64.0, log=True, whole=True)]
    """
    spaces: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for entry in trial.point.get("space", ()):
            # A session may have had another range: the axis holds them all.
            known = spaces.setdefault(entry["config"]["name"], entry["config"])
            for edge, choose in (("min_value", min), ("max_value", max)):
                if edge in known and edge in entry["config"]:
                    value = choose(known[edge], entry["config"][edge])
                    if value != known[edge]:
                        known = spaces[known["name"]] = known | {edge: value}
    seen: dict[str, dict[str, Any]] = {}
    for trial in trials:
        for name, value in trial.values.items():
            seen.setdefault(name, {})[repr(value)] = value
    return [
        _parameter(name, spaces.get(name, {}), list(seen[name].values()))
        for name in varying(list(trials))
    ]


def _parameter(name: str, space: dict[str, Any], seen: list[Any]) -> Parameter:
    numeric = all(
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and math.isfinite(value)
        for value in seen
    )
    if "values" in space or not numeric:
        listed = {repr(value): value for value in [*space.get("values", ()), *seen]}
        values = list(listed.values())
        if numeric and not any(isinstance(v, str | bool) for v in values):
            values.sort()
        elif all(isinstance(value, bool) for value in values):
            values = [False, True]
        return Parameter(name, tuple(values))
    low = float(min([space.get("min_value", seen[0]), *seen]))
    high = float(max([space.get("max_value", seen[0]), *seen]))
    log = space.get("sampling") in ("log", "reverse_log") and low > 0
    whole = all(isinstance(value, int) for value in seen)
    if whole and not log:
        steps = range(int(low), int(high) + 1, int(space.get("step") or 1))
        if len(steps) <= _LISTED and set(seen) <= set(steps):
            return Parameter(name, tuple(steps))
    return Parameter(name, (), low, high, log, whole)
