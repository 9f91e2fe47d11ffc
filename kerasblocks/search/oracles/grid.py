"""Where a grid search stands, which KerasTuner's state leaves out."""

from __future__ import annotations

import keras_tuner as kt


def place(oracle: kt.oracles.GridSearchOracle) -> dict[str, list[str]]:
    """Return a grid's place as plain data.

    Args:
        oracle: The grid.

    Returns:
        The trials in the grid's order, and those whose next point is to be tried.

    Example:
        >>> place(kt.oracles.GridSearchOracle(kt.Objective("val_loss", "min")))
        {'order': [], 'next': []}
    """
    order = []
    # The first trial has the defaults, with which the grid begins.
    trial_id = oracle.start_order[0] if oracle.start_order else None
    while trial_id is not None:
        order.append(trial_id)
        trial_id = oracle._ordered_ids.next(trial_id)
    return {"order": order, "next": list(oracle._populate_next)}


def put(oracle: kt.oracles.GridSearchOracle, data: dict[str, list[str]]) -> None:
    """Bring a fresh grid to the place that `place` told.

    Args:
        oracle: The grid.
        data: What `place` gave.
    """
    for trial_id in data["order"]:
        oracle._ordered_ids.insert(trial_id)
    oracle._populate_next = list(data["next"])
