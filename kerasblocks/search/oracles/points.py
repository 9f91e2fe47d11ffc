"""Points of a search space: drawn, compared and placed in the unit cube."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import keras_tuner as kt

from kerasblocks.search.errors import StudyError
from kerasblocks.search.trial import dumps

TRIES = 1_000
"""How many points are looked at before a search space counts as exhausted."""

# KerasTuner's probabilities lie in [0, 1).
_BELOW_ONE = 1 - 1e-9


def seed_for(*parts: Any) -> int:
    """Return a positive 31-bit seed: other parts, unrelated numbers.

    Example:
        >>> seed_for(0, 1) == seed_for(0, 1), seed_for(0, 1) == seed_for(1, 0)
        (True, False)
    """
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") % (2**31 - 2) + 1


def key(values: dict[str, Any]) -> str:
    """Return what is equal for equal points.

    Example:
        >>> key({"b": 1, "a": 2}) == key({"a": 2, "b": 1})
        True
    """
    return dumps(dict(sorted(values.items())))


def point_at(space: Iterable[Any], place: Sequence[float]) -> dict[str, Any]:
    """Return the point at a place of the unit cube: its active values by name.

    Args:
        space: The hyperparameters, parents before children.
        place: One number of 0 to 1 for each.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("kind", ["plain", "deep"])
        >>> _ = hp.Int("depth", 1, 4, parent_name="kind", parent_values=["deep"])
        >>> point_at(hp.space, [0.1, 0.9]), point_at(hp.space, [0.6, 0.9])
        ({'kind': 'plain'}, {'kind': 'deep', 'depth': 4})
    """
    values: dict[str, Any] = {}
    for entry, share in zip(space, place, strict=True):
        if is_active(entry, values):
            values[entry.name] = value_at(entry, share)
    return values


def default_point(space: Iterable[Any]) -> dict[str, Any]:
    """Return the point of a space's defaults: its active values by name.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("kind", ["plain", "deep"], default="deep")
        >>> _ = hp.Int("depth", 1, 4, parent_name="kind", parent_values=["deep"])
        >>> default_point(hp.space)
        {'kind': 'deep', 'depth': 1}
    """
    values: dict[str, Any] = {}
    for entry in space:
        if is_active(entry, values):
            values[entry.name] = entry.default
    return values


def is_active(entry: Any, values: dict[str, Any]) -> bool:
    """Whether the values of a point open a hyperparameter."""
    return all(condition.is_active(values) for condition in entry.conditions)


def value_at(entry: Any, share: float) -> Any:
    """Return a hyperparameter's value at a number of 0 to 1.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        >>> round(value_at(hp.space[0], 0.5), 6)
        0.01
    """
    value = entry.prob_to_value(min(share, _BELOW_ONE))
    most = getattr(entry, "max_value", None)
    return value if most is None else min(value, most)


def share_of(entry: Any, value: Any) -> float:
    """Return the number of 0 to 1 at which a hyperparameter has a value.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Float("dropout", 0.0, 0.5, step=0.1)
        >>> round(share_of(hp.space[0], 0.3), 3)  # KerasTuner takes it for 0.2.
        0.7
    """
    size = count(entry)
    if size and getattr(entry, "sampling", None) == "linear":
        # By division with rest, 0.3 would be two steps of 0.1.
        return (round((value - entry.min_value) / entry.step) + 0.5) / size
    return entry.value_to_prob(value)


def count(entry: Any) -> int | None:
    """Return how many values a hyperparameter has, None where it is continuous.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16]), hp.Int("depth", 1, 9, step=2)
        >>> _ = hp.Float("rate", 0.0, 1.0)
        >>> [count(entry) for entry in hp.space]
        [2, 5, None]
    """
    if not hasattr(entry, "step"):
        return len(set(entry.values))
    if entry.min_value == entry.max_value:
        return 1
    if entry.step is None:
        return None
    if entry.sampling == "linear":
        return int((entry.max_value - entry.min_value) // entry.step + 1)
    return len(tuple(entry.values))


class Legal:
    """Says whether a point may be tried: it is new and within the budget.

    Args:
        space: The search space.
        tried: The values of all trials so far.
        allowed: The budget's word on a point.

    Attributes:
        tried: The points that were tried, by `key`.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16, 32])
        >>> legal = Legal(hp, [{"units": 8}], lambda hp: hp.get("units") < 32)
        >>> [legal({"units": units}) for units in (8, 16, 32)]
        [False, True, False]
    """

    def __init__(
        self,
        space: kt.HyperParameters,
        tried: Iterable[dict[str, Any]],
        allowed: Callable[[kt.HyperParameters], bool],
    ) -> None:
        self._space = space
        self.tried = {key(values) for values in tried}
        self._allowed = allowed
        self._known: dict[str, bool] = {}

    def __call__(self, values: dict[str, Any]) -> bool:
        """Say it of one point."""
        name = key(values)
        if name in self.tried:
            return False
        if name not in self._known:
            hp = self._space.copy()
            hp.values = dict(values)
            self._known[name] = bool(self._allowed(hp))
        return self._known[name]

    def is_repeat(self, values: dict[str, Any]) -> bool:
        """Whether a point was tried."""
        return key(values) in self.tried

    def draw(self, seed: int) -> dict[str, Any] | None:
        """Return a random point that may be tried, or None if there seems none left.

        Raises:
            StudyError: The budget refused every point, and none of them was tried.
        """
        dice = random.Random(seed)
        space = self._space.space
        repeats = 0
        for _ in range(TRIES):
            values = point_at(space, [dice.random() for _ in space])
            if self(values):
                return values
            repeats += self.is_repeat(values)
        if not repeats:
            self.refuse()
        return None

    def refuse(self) -> None:
        """Say that nothing fits the budget.

        Raises:
            StudyError: Always.
        """
        budget = getattr(self._allowed, "__self__", self._allowed)
        smallest = getattr(budget, "smallest", "")
        raise StudyError(
            f"no point within the budget was found in {TRIES:,} tries"
            + (f"; {smallest}" if smallest else "")
            + ": allow larger models, or let the search space hold smaller ones"
        )
