"""The trials as tables for programs: CSV and JSON."""

from __future__ import annotations

import csv
import json
from typing import Any

from kerasblocks.files import replacing
from kerasblocks.search.folder import Folder
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial, dumps

_COLUMNS = (
    *("number", "status", "score", "best_epoch", "params", "seconds", "seed"),
    *("attempts", "cause", "error"),
)


def write_tables(result: Result, folder: Folder) -> None:
    """Write the trials as `trials.csv` and `trials.json`, a line each.

    Args:
        result: What to write.
        folder: Where.
    """
    _write_csv(result, folder)
    _write_json(result, folder)


def value_of(trial: Trial, objective: str) -> float | None:
    """Return a trial's value of an objective, a metric or a cost.

    Example:
        >>> value_of(Trial(1, "COMPLETED", {}, 0, costs={"macs": 5.0}), "macs")
        5.0
    """
    return trial.objectives.get(objective, trial.costs.get(objective))


def _write_csv(result: Result, folder: Folder) -> None:
    more = dict.fromkeys(goal.name for goal in result.goals[1:])
    names: dict[str, None] = {}
    for trial in result.trials:
        more.update(dict.fromkeys(trial.costs))
        names.update(dict.fromkeys(trial.values))
    more.pop("parameters", None)
    taken = {*_COLUMNS, *more}
    heads = [f"hyperparameter {name}" if name in taken else name for name in names]
    with (
        replacing(folder.csv) as draft,
        draft.open("w", newline="", encoding="utf-8") as file,
    ):
        rows = csv.writer(file)
        rows.writerow([*_COLUMNS, *more, *heads])
        for trial in result.trials:
            row = list(_row(trial).values())
            row += [value_of(trial, name) for name in more]
            rows.writerow(row + [trial.values.get(name) for name in names])


def _write_json(result: Result, folder: Folder) -> None:
    head = {
        "study": result.name,
        "objectives": [
            {"name": goal.name, "direction": goal.direction} for goal in result.goals
        ],
        "seed": result.seed,
        "best": None if result.best is None else result.best.number,
        "test": result.test,
    }
    lines = ",\n".join(_line(trial) for trial in result.trials)
    with replacing(folder.json) as draft:
        text = f'{dumps(head)[:-1]}, "trials": [\n{lines}\n]}}\n'
        draft.write_text(text, encoding="utf-8")


def _line(trial: Trial) -> str:
    data = _row(trial) | {
        "objectives": trial.objectives,
        "costs": trial.costs,
        "hyperparameters": trial.values,
        "attempts": [vars(attempt) for attempt in trial.attempts],
        "epochs": trial.epochs,
    }
    try:
        # Written anew at every trial's end: what came from the memory is plain
        # already, and need not be gone over in Python.
        return json.dumps(data, allow_nan=False)
    except (TypeError, ValueError):
        return dumps(data)


def _row(trial: Trial) -> dict[str, Any]:
    failed = trial.error is not None
    return {
        **{name: getattr(trial, name) for name in _COLUMNS[:7]},
        "attempts": len(trial.attempts),
        "cause": trial.attempts[-1].cause if failed else None,
        "error": trial.error,
    }
