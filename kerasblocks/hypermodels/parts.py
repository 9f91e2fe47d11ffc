"""Data in three parts: split by chance, evenly over the classes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from kerasblocks.search.study import Splits


@dataclass(frozen=True)
class Arrays:
    """Arrays and the rows of each part: a study's `data`, which can be shipped.

    Args:
        x: The inputs, an array or a dict of arrays.
        y: The targets, likewise.
        train: The rows to train on.
        validation: The rows to score trials on, or the part itself.
        test: The rows that no trial sees, or the part itself, or None.
    """

    x: Any
    y: Any
    train: np.ndarray
    validation: Any
    test: Any = None

    def __call__(self) -> Splits:
        """The parts."""
        return Splits(*map(self._part, (self.train, self.validation, self.test)))

    def _part(self, rows: Any) -> Any:
        if not isinstance(rows, np.ndarray):
            return rows
        return take(self.x, rows), take(self.y, rows)


@dataclass(frozen=True)
class Datasets:
    """Datasets as they were given: a study's `data`.

    Args:
        parts: The parts.
    """

    parts: Splits

    def __call__(self) -> Splits:
        """The parts."""
        return self.parts


def take(value: Any, rows: np.ndarray) -> Any:
    """Some rows of an array, or of each in a dict."""
    if isinstance(value, Mapping):
        return {name: part[rows] for name, part in value.items()}
    return value[rows]


def split(
    count: int, shares: tuple[float, ...], labels: np.ndarray | None, seed: int
) -> list[np.ndarray]:
    """Rows in parts of given shares, and the rest; each part has its share of classes.

    Args:
        count: How many rows there are.
        shares: The share of each part but the last.
        labels: A class for each row, or None.
        seed: The same seed gives the same parts.

    Returns:
        The rows of each part and of the rest, none of them in two. A class that comes
        once is in the rest.

    Example:
        >>> labels = np.repeat([0, 1], [50, 10])
        >>> parts = split(60, (0.2, 0.2), labels, seed=0)
        >>> [(len(part), int(labels[part].sum())) for part in parts]
        [(12, 2), (12, 2), (36, 6)]
    """
    dice = np.random.default_rng(seed)
    order = dice.permutation(count)
    if labels is not None:
        # Each class spread evenly from 0 to 1: any cut has its share of each.
        _, classes = np.unique(labels[order], return_inverse=True)
        place = np.empty(count)
        for each in range(classes.max() + 1):
            rows = np.flatnonzero(classes == each)
            place[rows] = (np.arange(len(rows)) + 0.5) / len(rows)
        order = order[np.argsort(place, kind="stable")]
    ends = np.cumsum([round(share * count) for share in shares])
    return np.split(order, ends)
