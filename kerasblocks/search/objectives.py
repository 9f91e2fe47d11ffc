"""What a search is to find: metrics and costs, and which way each is better."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras_tuner as kt

from kerasblocks.core.arguments import did_you_mean

COSTS = {
    "parameters": "how many weights the model has",
    "macs": "multiplications and additions for one sample",
    "memory": "bytes of the weights",
    "latency": "measured seconds of a prediction for one sample",
}
# KerasTuner takes an F1 score for a loss, and cannot tell for a head's metric.
BETTER = {
    "max": ("accuracy", "acc", "auc", "precision", "recall", "f1_score", "r2_score"),
    "min": (
        *("loss", "crossentropy", "mae", "mse", "mape", "msle", "rmse"),
        *("mean_absolute_error", "mean_squared_error", "root_mean_squared_error"),
        *("mean_absolute_percentage_error", "mean_squared_logarithmic_error"),
        *COSTS,
    ),
}


def objectives(wanted: Any) -> list[kt.Objective]:
    """Return a study's objectives with their directions.

    Args:
        wanted: A metric's name as `fit` reports it, one of `COSTS`, a
            `keras_tuner.Objective`, or a list of these.

    Raises:
        ValueError: One of them is none of these; it says what was expected, what
            came, and the near name.

    Example:
        >>> [(goal.name, goal.direction) for goal in objectives(["val_loss", "macs"])]
        [('val_loss', 'min'), ('macs', 'min')]
    """
    many = isinstance(wanted, Sequence) and not isinstance(wanted, str)
    found = [_objective(one) for one in (wanted if many else [wanted])]
    names = [goal.name for goal in found]
    if not names:
        raise ValueError("at least one objective, got none")
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"objectives that differ, got {name!r} twice")
    if names[0] in COSTS:
        raise ValueError(f"a metric first and costs after it, got {names[0]!r} first")
    return found


def _objective(wanted: Any) -> kt.Objective:
    if isinstance(wanted, kt.Objective) and isinstance(wanted.name, str):
        return wanted
    if not isinstance(wanted, str):
        raise ValueError(f"a metric's name or Objective, got {wanted!r}")
    direction = _direction(wanted)
    if direction is None:
        raise ValueError(
            "a metric whose direction is known, or "
            f"keras_tuner.Objective({wanted!r}, direction='min' or 'max'), got "
            f"{wanted!r}{did_you_mean(wanted, _known())}"
        )
    return kt.Objective(wanted, direction)


def front(
    points: Sequence[Sequence[float]], goals: Sequence[kt.Objective]
) -> list[int]:
    """Return the places of the points that no other point dominates (Pareto).

    Args:
        points: One row a candidate, one value an objective.
        goals: The objectives.

    Example:
        >>> goals = objectives(["val_accuracy", "parameters"])
        >>> front([(0.9, 100), (0.8, 50), (0.7, 80)], goals)
        [0, 1]
    """
    signs = [-1 if goal.direction == "max" else 1 for goal in goals]
    rows = [[s * v for s, v in zip(signs, point, strict=True)] for point in points]
    return [
        place
        for place, row in enumerate(rows)
        if not any(
            other != row and all(a <= b for a, b in zip(other, row, strict=True))
            for other in rows
        )
    ]


def _direction(metric: str) -> str | None:
    for direction, names in BETTER.items():
        if any(metric == name or metric.endswith(f"_{name}") for name in names):
            return direction
    return None


def _known() -> list[str]:
    names = [name for names in BETTER.values() for name in names]
    return [prefix + name for name in names for prefix in ("val_", "")]
