"""What passes between the driver and who runs trials: plain data both ways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Job:
    """One attempt at one trial.

    Args:
        number: The trial's number.
        attempt: From 1 on.
        point: The hyperparameters as `HyperParameters.get_config()`.
        seed: Where weights and the order of the data begin.
        epochs: The epoch to train up to.
        model: The file for the best epoch's model.
        checkpoint: The file that training is kept in, and goes on from if it is
            there.
        warm: Another trial's checkpoint to begin from, or None.
        first_epoch: Epochs that `warm` has had already.
        every: Seconds between checkpoints.
        keep_checkpoint: Whether the last epoch's state is to be kept, for a trial
            that goes on from there.
        hang: Seconds without a sign of life after which it counts as hung.
        costs: What of the model's costs is to be measured in the trial.
    """

    number: int
    attempt: int
    point: dict[str, Any]
    seed: int
    epochs: int
    model: str
    checkpoint: str
    warm: str | None = None
    first_epoch: int = 0
    every: float = 30.0
    keep_checkpoint: bool = False
    hang: float | None = None
    costs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Epoch:
    """The metrics of one epoch, not finite ones as None.

    Args:
        number: The trial's number.
        epoch: From 1 on.
        metrics: As `fit` reports them.
    """

    number: int
    epoch: int
    metrics: dict[str, float | None]


@dataclass(frozen=True)
class Outcome:
    """How an attempt ended.

    Args:
        number: The trial's number.
        status: `COMPLETED`, `PRUNED` or `FAILED`.
        point: The hyperparameters, with those that only the build revealed; None
            where it ended before it could say.
        score: The best value of the first objective that is a metric.
        objectives: Every metric that is an objective, at the best epoch.
        best_epoch: The epoch that gave it, from 1 on.
        costs: What the model costs.
        seconds: How long it took.
        cause: Of a failure: `"exception"`, `"nan"`, `"memory"`, `"killed"` or
            `"hang"`; `"study"` for a mistake in the study itself, which ends the
            search.
        error: What failed, in one line.
        traceback: What failed, whole.
    """

    number: int
    status: str
    point: dict[str, Any] | None = None
    score: float | None = None
    objectives: dict[str, float] = field(default_factory=dict)
    best_epoch: int | None = None
    costs: dict[str, float] = field(default_factory=dict)
    seconds: float = 0.0
    cause: str | None = None
    error: str | None = None
    traceback: str | None = None


OnEpoch = Callable[[Epoch], bool]
"""Takes an epoch's metrics and says whether the trial goes on."""


class Executor(Protocol):
    """Where trials run. The driver calls it from one thread.

    A worker that dies or hangs is an `Outcome` with status `FAILED` and cause
    `"killed"` or `"hang"`, and another takes its place.
    """

    @property
    def slots(self) -> int:
        """How many trials can run at once; it may change."""
        ...

    def submit(self, job: Job) -> str:
        """Give a trial to a free worker; return the worker's name."""
        ...

    def wait(self, on_epoch: OnEpoch) -> list[Outcome]:
        """Wait until a trial ends; return those that did.

        Args:
            on_epoch: Called here, in the caller's thread, with each epoch that
                ends meanwhile; where it returns False, that trial is to stop.
        """
        ...

    def close(self) -> None:
        """Stop what runs and let go of what is held; a second call does nothing."""
        ...
