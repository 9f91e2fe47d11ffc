"""A search as JSON: one object a line, for programs.

Each has `event` and `time` (ISO 8601, UTC). In the order in which they may come:

- `moving_aside`: an earlier search is moved before a fresh one begins: `from`, `to`,
  `finished` and `best` (of the earlier one, None if unreadable).
- `opened`: `study`, `folder`, `objectives` (each with `name` and `direction`), `seed`,
  `finished` (how many trials count already), `trials` (how many there are to be) and
  `best`, a trial or None.
- `note`: `text`, something to know, such as that the search space changed.
- `trial_began`: `trial`, `attempt`, `worker`, `epoch` (the first one to run),
  `epochs` (the one to train up to) and `hyperparameters`.
- `epoch`: `trial`, `epoch` and `metrics`, None for what is not finite.
- `attempt_failed`: the trial is to run again: `trial`, `attempt`, `worker`, `cause`,
  `error`, `traceback` and `hyperparameters`.
- `trial_ended`: the fields of a trial, and `new_best`, `finished` and `trials`.
- `stopped`: the search ends before it has its trials: `why` is `exhausted`, `time`,
  `interrupted` or `lost`; `finished`, `trials`, `folder`.
- `finished`: `best`, a trial or None; `table`, the best trials; `front`, the numbers of
  the trials that no other beats in every objective; `test`, the best model's metrics
  on the test data or None; `files` by name; `seconds`.
- `error`: what ended the command: `message` and its exit `code`.

A trial has `trial` (its number), `status` (`COMPLETED`, `PRUNED`, `FAILED`), `score`
(its value of the first objective), `objectives`, `best_epoch`, `epochs` (how many it
has had), `costs`, `seconds`, `seed`, `attempts` (how many), `worker`,
`hyperparameters`, and for a failed one `cause`, `error` and `traceback`. Fields may be
added; those here stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras_tuner as kt

from kerasblocks.search.display.plain import Display
from kerasblocks.search.display.table import chosen
from kerasblocks.search.report.tables import value_of
from kerasblocks.search.results import Result
from kerasblocks.search.store import now
from kerasblocks.search.trial import FAILED, Trial, dumps


class JsonDisplay(Display):
    """One JSON object a line for each event.

    Args:
        stream: Where they go; standard output by default.

    Example:
        >>> JsonDisplay().line("the space changed")
        {"event": "note", "time": "...", "text": "the space changed"}
    """

    def event(self, event: str, **facts: Any) -> None:
        """Say one event."""
        self.write(dumps({"event": event, "time": now(), **facts}) + "\n")

    def line(self, text: str, style: str = "") -> None:
        """Say what has no event of its own."""
        self.event("note", text=text)

    def moving_aside(self, folder: Path, aside: Path, earlier: Result | None) -> None:
        """Say what is moved where."""
        facts: dict[str, Any] = {"finished": None, "best": None}
        if earlier is not None:
            facts = {"finished": len(earlier.finished), "best": _best(earlier)}
        self.event("moving_aside", **{"from": str(folder), "to": str(aside)}, **facts)

    def opened(self, result: Result, total: int) -> None:
        """Say whose search it is and how far it is."""
        self.event(
            "opened",
            study=result.name,
            folder=str(result.folder),
            objectives=goals(result),
            seed=result.seed,
            finished=len(result.finished),
            trials=total,
            best=_best(result),
        )

    def trial_begins(self, trial: Trial, epochs: int) -> None:
        """Say which, where, and from which epoch to which."""
        super().trial_begins(trial, epochs)
        last = trial.attempts[-1]
        self.event(
            "trial_began",
            trial=trial.number,
            attempt=last.attempt,
            worker=last.worker,
            epoch=last.epoch,
            epochs=epochs,
            hyperparameters=trial.values,
        )

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Say an epoch's metrics."""
        super().epoch(number, epoch, metrics)
        self.event("epoch", trial=number, epoch=epoch, metrics=metrics)

    def trial_failed(self, trial: Trial) -> None:
        """Say what failed."""
        self.standing.stops(trial)
        last = trial.attempts[-1]
        self.event(
            "attempt_failed",
            trial=trial.number,
            attempt=last.attempt,
            worker=last.worker,
            cause=last.cause,
            error=last.error,
            traceback=last.traceback,
            hyperparameters=trial.values,
        )

    def trial_ends(self, trial: Trial) -> None:
        """Say all of the trial."""
        better = self.standing.ends(trial)
        self.event(
            "trial_ended",
            **facts(trial, self.standing.goals),
            new_best=better,
            finished=self.standing.done,
            trials=self.standing.total,
        )

    def stopped(self, why: str, result: Result, total: int) -> None:
        """Say why it ends."""
        self.event(
            "stopped",
            why=why,
            finished=len(result.finished),
            trials=total,
            folder=str(result.folder),
        )

    def results(self, result: Result, rows: int = 10) -> None:
        """Say nothing: the last event has it."""

    def finished(self, result: Result, files: list[Path], seconds: float) -> None:
        """Say what came out."""
        self.event(
            "finished",
            study=result.name,
            folder=str(result.folder),
            best=_best(result),
            table=[facts(trial, result.goals) for trial in chosen(result, 10)],
            front=[trial.number for trial in result.front],
            test=result.test,
            files={file.name: str(file) for file in files},
            seconds=seconds,
        )


def facts(trial: Trial, goals: Sequence[kt.Objective]) -> dict[str, Any]:
    """Return a trial as data, as the module's docstring says.

    Args:
        trial: The trial.
        goals: The objectives.

    Example:
        >>> trial = Trial(1, "COMPLETED", {"values": {"units": 8}}, 0, score=0.5)
        >>> told = facts(trial, [kt.Objective("val_loss", "min")])
        >>> told["trial"], told["hyperparameters"]
        (1, {'units': 8})
    """
    last = trial.attempts[-1] if trial.attempts else None
    told: dict[str, Any] = {
        "trial": trial.number,
        "status": trial.status,
        "score": trial.score,
        "objectives": {goal.name: value_of(trial, goal.name) for goal in goals},
        "best_epoch": trial.best_epoch,
        "epochs": len(trial.epochs),
        "costs": trial.costs,
        "seconds": trial.seconds,
        "seed": trial.seed,
        "attempts": len(trial.attempts),
        "worker": last.worker if last else None,
        "hyperparameters": trial.values,
    }
    if trial.status == FAILED and last is not None:
        told |= {"cause": last.cause, "error": last.error, "traceback": last.traceback}
    return told


def goals(result: Result) -> list[dict[str, str]]:
    """Return the objectives of results as data."""
    return [{"name": goal.name, "direction": goal.direction} for goal in result.goals]


def _best(result: Result) -> dict[str, Any] | None:
    return None if result.best is None else facts(result.best, result.goals)
