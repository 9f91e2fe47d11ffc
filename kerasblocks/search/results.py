"""What a search leaves: its trials, ranked, and its best model."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import keras
import keras_tuner as kt

from kerasblocks.search.errors import StudyError
from kerasblocks.search.explore import at
from kerasblocks.search.folder import Folder
from kerasblocks.search.objectives import front
from kerasblocks.search.store import Store
from kerasblocks.search.trial import COMPLETED, Trial


@dataclass(frozen=True)
class Result:
    """A study's results so far.

    Args:
        name: The study's name.
        goals: Its objectives, the one that ranks first.
        seed: Its seed.
        folder: Where its files are.
        trials: Every trial, by number.
        test: What the best model does on the test data, or None.
        new: How many trials this run added.
        sessions: Each process that took the study up: `started`, `ended`,
            `outcome`, `settings` and `versions`.
    """

    name: str
    goals: list[kt.Objective]
    seed: int
    folder: Path
    trials: list[Trial]
    test: dict[str, float] | None = None
    new: int = 0
    sessions: list[dict[str, Any]] = field(default_factory=list)

    @property
    def goal(self) -> kt.Objective:
        """The objective that trials are ranked by."""
        return self.goals[0]

    @property
    def finished(self) -> list[Trial]:
        """The trials that completed, were pruned or failed: those that count."""
        return [trial for trial in self.trials if trial.ended]

    @property
    def ranked(self) -> list[Trial]:
        """The completed trials, the best first; the earlier one of two equals."""
        return rank(self.trials, self.goal)

    @property
    def best(self) -> Trial | None:
        """The best trial, or None while none has completed."""
        ranked = self.ranked
        return ranked[0] if ranked else None

    @property
    def front(self) -> list[Trial]:
        """The completed trials that no other beats in every objective (Pareto)."""
        names = [goal.name for goal in self.goals]
        trials = [t for t in self.ranked if all(n in t.objectives for n in names)]
        points = [[trial.objectives[name] for name in names] for trial in trials]
        return [trials[place] for place in front(points, self.goals)]

    def hyperparameters(self, number: int | None = None) -> kt.HyperParameters:
        """Return a trial's point, to build its model with `build(hp)`.

        Args:
            number: The trial's number; the best trial by default.

        Raises:
            StudyError: There is no such trial.
        """
        found = {trial.number: trial for trial in self.trials}
        trial = self.best if number is None else found.get(number)
        if trial is None:
            which = (
                "no trial that completed" if number is None else f"no trial {number}"
            )
            raise StudyError(f"{self.folder} holds {which}")
        return at(trial.point)

    def best_model(self) -> keras.Model:
        """Load the best trial's model.

        Raises:
            StudyError: There is none yet.
        """
        path = Folder(self.folder).best
        if not path.exists():
            raise StudyError(f"{self.folder} holds no best model yet")
        return keras.saving.load_model(path)  # pyright: ignore[reportReturnType]


def rank(trials: list[Trial], goal: kt.Objective) -> list[Trial]:
    """Return the completed trials, the best first.

    Args:
        trials: Any trials.
        goal: The objective.

    Example:
        >>> point = {"space": [], "values": {}}
        >>> a = Trial(1, "COMPLETED", point, 0, score=0.5)
        >>> b = Trial(2, "COMPLETED", point, 0, score=0.9)
        >>> [trial.number for trial in rank([a, b], kt.Objective("acc", "max"))]
        [2, 1]
    """
    sign = -1 if goal.direction == "max" else 1
    completed = [
        trial
        for trial in trials
        if trial.status == COMPLETED and trial.score is not None
    ]
    return sorted(
        completed, key=lambda trial: (sign * (trial.score or 0), trial.number)
    )


def varying(trials: list[Trial]) -> list[str]:
    """Return the hyperparameters that tell the trials apart, in the space's order.

    Args:
        trials: Any trials.

    Example:
        >>> point = lambda units: {"space": [], "values": {"units": units, "a": 1}}
        >>> a, b = Trial(1, "RUNNING", point(8), 0), Trial(2, "RUNNING", point(9), 0)
        >>> varying([a, b])
        ['units']
    """
    names: dict[str, set[Any]] = {}
    for trial in trials:
        for name in trial.values:
            names.setdefault(name, set())
    for trial in trials:
        for name, seen in names.items():
            seen.add(repr(trial.values.get(name)))
    return [name for name, seen in names.items() if len(seen) > 1]


def tunable(trial: Trial) -> list[str]:
    """Return the hyperparameters of a trial that could have been other than they are.

    Args:
        trial: Any trial.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16]), hp.Fixed("depth", 2)
        >>> tunable(Trial(1, "RUNNING", hp.get_config(), 0))
        ['units']
    """
    names: dict[str, None] = {}
    for entry in trial.point["space"]:
        name = entry["config"]["name"]
        one = len(entry["config"].get("values", "many")) == 1
        if entry["class_name"] != "Fixed" and not one and name in trial.values:
            names[name] = None
    return list(names)


def read(folder: str | Path) -> Result:
    """Read the results of a study from its folder; nothing runs and none is written.

    Args:
        folder: The folder, `runs/NAME` by default.

    Raises:
        StudyError: There is no memory in it.

    Example:
        >>> read("runs/nothing")
        Traceback (most recent call last):
        kerasblocks.search.errors.StudyError: no study's memory in runs/nothing
    """
    paths = Folder(folder)
    if not paths.memory.exists():
        raise StudyError(f"no study's memory in {folder}")
    store = Store(paths.memory)
    try:
        row = store.study()
        if row is None:
            raise StudyError(f"no study's memory in {folder}")
        goals = [
            kt.Objective(name, direction)
            for name, direction in zip(
                row["objective"].split(", "), row["direction"].split(", "), strict=True
            )
        ]
        trials = store.trials()
        ranked = rank(trials, goals[0])
        test = store.test(ranked[0].number) if ranked else None
        sessions = store.sessions()
    finally:
        store.close()
    return Result(
        row["name"],
        goals,
        row["seed"],
        Path(folder),
        trials,
        test=test,
        sessions=sessions,
    )
