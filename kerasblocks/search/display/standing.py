"""Where a search stands: what runs, what is done, how long it may still take."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kerasblocks.search.results import Result
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED, Trial

Clock = Callable[[], float]


@dataclass
class Running:
    """A trial that runs.

    Args:
        trial: As it began.
        epochs: The epoch that it trains up to.
        begun: When, by the clock.
        epoch: How many epochs are done.
        score: The objective in the latest epoch, or None.
    """

    trial: Trial
    epochs: int
    begun: float
    epoch: int
    score: float | None = None

    @property
    def worker(self) -> str:
        """Who runs it."""
        return self.trial.attempts[-1].worker if self.trial.attempts else ""

    @property
    def share(self) -> float:
        """How much of this attempt is done, from 0 to 1."""
        first = self.trial.attempts[-1].epoch - 1 if self.trial.attempts else 0
        whole = self.epochs - first
        return min(1.0, (self.epoch - first) / whole) if whole > 0 else 1.0


class Standing:
    """What a display knows of a search, from one event to the next.

    Args:
        result: The results so far.
        total: How many trials there are to be.
        slots: How many run at once.
        until: The clock's time at which the search ends, or None.
        clock: Gives the time in seconds.
    """

    def __init__(
        self,
        result: Result,
        total: int,
        slots: int = 1,
        until: float | None = None,
        clock: Clock = time.monotonic,
    ) -> None:
        self.goals, self.total = result.goals, total
        self.best = result.best
        self.running: dict[int, Running] = {}
        finished = result.finished
        self.done = len(finished)
        self.failed = sum(trial.status == FAILED for trial in finished)
        self.pruned = sum(trial.status == PRUNED for trial in finished)
        self._slots, self._workers = slots, set[str]()
        self._until, self._clock = until, clock
        self._begun, self._new = clock(), 0

    @property
    def several(self) -> bool:
        """Whether it matters which worker runs a trial."""
        return max(self._slots, len(self._workers)) > 1

    @property
    def elapsed(self) -> float:
        """The seconds since the trials began."""
        return self._clock() - self._begun

    @property
    def left(self) -> float | None:
        """About how many seconds are left; None while it cannot be known.

        It takes a trial that ended to tell: trials still to come go as fast as those
        that ended and the parts of those that run.
        """
        limit = None if self._until is None else max(0.0, self._until - self._clock())
        if not self._new:
            return limit
        parts = sum(running.share for running in list(self.running.values()))
        to_go = max(0.0, self.total - self.done - parts)
        left = to_go * self.elapsed / (self._new + parts)
        return left if limit is None else min(left, limit)

    def seconds(self, running: Running) -> float:
        """Return how long a trial has run."""
        return self._clock() - running.begun

    def begins(self, trial: Trial, epochs: int) -> None:
        """A trial begins, or goes on."""
        done = trial.attempts[-1].epoch - 1 if trial.attempts else 0
        running = Running(trial, epochs, self._clock(), done)
        self._workers.add(running.worker)
        self.running[trial.number] = running

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """A trial's epoch ended."""
        running = self.running[number]
        running.epoch = epoch
        running.score = metrics.get(self.goals[0].name)

    def stops(self, trial: Trial) -> None:
        """A trial failed and is to run again."""
        self.running.pop(trial.number, None)

    def ends(self, trial: Trial) -> bool:
        """A trial ended; return whether it is the best so far."""
        self.running.pop(trial.number, None)
        self.done += 1
        self._new += 1
        self.failed += trial.status == FAILED
        self.pruned += trial.status == PRUNED
        if trial.status != COMPLETED or trial.score is None:
            return False
        better = self.best is None or self.goals[0].better_than(
            trial.score, self.best.score
        )
        if better:
            self.best = trial
        return better
