"""What the charts of scores share: limits that one diverged trial does not set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras_tuner as kt
import numpy as np
from matplotlib.axes import Axes

from kerasblocks.search.report.charts.style import BAD
from kerasblocks.search.report.importance import fenced
from kerasblocks.search.report.words import shorten
from kerasblocks.search.trial import FAILED, Trial


def fence(values: Sequence[float], goal: kt.Objective) -> tuple[float, float]:
    """Return limits that hold all scores but those far worse than the rest.

    Example:
        >>> fence([1.0, 2.0, 3.0, 4.0, 1e9], kt.Objective("loss", "min"))
        (1.0, 10.0)
    """
    kept = fenced(np.asarray(values, float), goal.direction == "max")
    return float(kept.min()), float(kept.max())


def limit(
    axes: Axes, values: Sequence[float], goal: kt.Objective, *, foot: bool = False
) -> None:
    """Give the axes those limits, with some room, and more at the foot for marks."""
    if len(values):
        low, high = fence(values, goal)
        room = (high - low) * 0.06 or abs(high) * 0.05 or 1.0
        axes.set_ylim(low - room * (2.4 if foot else 1), high + room)


def name_axis(axes: Axes, goal: kt.Objective) -> None:
    """Write above the axes what goes up, and which way is better."""
    better = "higher" if goal.direction == "max" else "lower"
    axes.set_title(f"{shorten(goal.name, 34)} ({better} is better)")


def mark_failed(axes: Axes, places: Sequence[Any], size: float = 5) -> None:
    """Mark failed trials along the foot of the axes."""
    if len(places):
        axes.plot(
            places,
            [0.03] * len(places),
            "x",
            color=BAD,
            markersize=size,
            label="failed",
            transform=axes.get_xaxis_transform(),
            clip_on=False,
        )


def failed(trials: Sequence[Trial]) -> list[Trial]:
    """Return those that failed."""
    return [trial for trial in trials if trial.status == FAILED]
