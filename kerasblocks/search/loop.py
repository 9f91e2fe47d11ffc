"""The search itself: ask an oracle, hand out trials, take what comes, remember."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import keras_tuner as kt

from kerasblocks.search.budget import Budget
from kerasblocks.search.checkpoint import epochs_done
from kerasblocks.search.display import Display
from kerasblocks.search.errors import SearchFailed, StudyError
from kerasblocks.search.explore import at, explore
from kerasblocks.search.folder import Folder
from kerasblocks.search.jobs import Epoch, Executor, Job, Outcome
from kerasblocks.search.objectives import COSTS
from kerasblocks.search.oracles import WAIT, Oracle, Suggestion
from kerasblocks.search.pruners import pruner
from kerasblocks.search.report import write_tables
from kerasblocks.search.results import Result
from kerasblocks.search.resume import resume, settings
from kerasblocks.search.store import Store, now
from kerasblocks.search.study import Study
from kerasblocks.search.trial import (
    COMPLETED,
    FAILED,
    INTERRUPTED,
    RUNNING,
    Attempt,
    Trial,
)
from kerasblocks.search.versions import versions

# So often may the process that searches die in a trial that it runs itself. One death
# may be the machine's or the user's doing, and after it each epoch leaves a checkpoint:
# that many without one more epoch are the trial's.
DEATHS = 3
# Another attempt of the same trial must not draw what the next trial draws.
_SPREAD = 1_000_003


class Loop:
    """One run of one study.

    Args:
        study: The study.
        folder: Where its files go.
        store: Its memory.
        display: What says how it goes.
    """

    def __init__(
        self, study: Study, folder: Folder, store: Store, display: Display
    ) -> None:
        self._study, self._folder = study, folder
        self._store, self._display = store, display
        self._trials: dict[int, Trial] = {}
        self._new = 0
        self._failures = 0
        self._until: float | None = None
        self._pruner = pruner(study.pruner)

    def open(self) -> Any:
        """Read the memory, or begin it, say where things stand; return the oracle."""
        study = self._study
        self._space = explore(study)
        state, notes = resume(study, self._space, self._folder, self._store)
        self._store.interrupt()
        self._read()
        self._display.opened(self.result(), study.trials)
        for note in notes:
            self._display.line(note)
        return state

    def todo(self) -> int:
        """How many trials are still to end."""
        return max(0, self._study.trials - len(self._finished()))

    def go(self, executor: Executor, state: Any, until: float | None = None) -> None:
        """Run trials until there are enough.

        Args:
            executor: Where they run.
            state: The oracle's, from `open`.
            until: The `time.monotonic()` to end at.
        """
        study = self._study
        self._until = until
        session = self._store.begin_session(
            {**settings(study), "trials": study.trials}, versions()
        )
        oracle = Oracle(
            study.oracle, study.goals, study.seed, self._space, study.epochs
        )
        oracle.restore(state, list(self._trials.values()))
        self._budget = Budget(study.limits or {}, study.build)
        self._display.begin(self.result(), study.trials, executor.slots, until)
        outcome = "failed"
        try:
            self._give_up(oracle)
            outcome = self._loop(executor, oracle)
        except _TimeIsUp:
            outcome = "time"
        except KeyboardInterrupt:
            outcome = "interrupted"
            raise
        finally:
            self._display.end()
            self._store.interrupt(now())
            self._store.end_session(session, outcome)
            oracle.close()
            self._read()
        if outcome in ("exhausted", "time"):
            self.say_stopped(outcome)
        if self.todo() == 0:
            self._folder.drop_checkpoints()

    def result(self) -> Result:
        """Return the results so far."""
        return Result(
            self._study.name,
            self._study.goals,
            self._study.seed,
            self._folder.root,
            [self._trials[number] for number in sorted(self._trials)],
            new=self._new,
        )

    def say_stopped(self, why: str) -> None:
        """After an early end: say why, what is kept and how to go on."""
        self._read()
        self._display.stopped(why, self.result(), self._study.trials)

    def _read(self) -> None:
        self._trials = {trial.number: trial for trial in self._store.trials()}

    def _finished(self) -> list[Trial]:
        return [trial for trial in self._trials.values() if trial.ended]

    def _loop(self, executor: Executor, oracle: Oracle) -> str:
        """Run trials; return how it ended, `"finished"` or `"exhausted"`."""
        flying: set[int] = set()
        while self.todo() > 0:
            self._check_time()
            while len(flying) < min(executor.slots, self.todo()):
                trial = self._next(oracle, flying)
                if trial is None:
                    break
                self._begin(trial, executor, oracle)
                flying.add(trial.number)
            if not flying:
                return "exhausted"
            for outcome in executor.wait(self._on_epoch):
                flying.remove(outcome.number)
                self._end(outcome, oracle)
        return "finished"

    def _next(self, oracle: Oracle, flying: set[int]) -> Trial | None:
        for trial in self._trials.values():
            if not trial.ended and trial.number not in flying:
                return trial
        number = max(self._trials, default=0) + 1
        tried = [trial.values for trial in self._trials.values()]
        suggestion = oracle.ask(number, tried, self._budget.allows)
        if suggestion is None or suggestion is WAIT:
            return None
        trial = self._trial(number, suggestion)
        self._store.begin_trial(trial, oracle.state())
        self._trials[number] = trial
        return trial

    def _trial(self, number: int, suggestion: Suggestion) -> Trial:
        numbers = {trial.oracle_id: trial.number for trial in self._trials.values()}
        parent = numbers.get(suggestion.parent or "")
        first_epoch = suggestion.first_epoch
        if parent is not None and not self._folder.checkpoint(parent).exists():
            # It went when a search ended that is longer now: this begins from nothing.
            parent, first_epoch = None, 0
        costs = {}
        if self._wanted("macs") or self._wanted("memory"):
            costs = self._costs(at(suggestion.point))
        return Trial(
            number,
            INTERRUPTED,
            suggestion.point,
            self._study.seed + number,
            costs=costs,
            oracle_id=suggestion.oracle_id,
            until=suggestion.epochs,
            parent=parent,
            first_epoch=first_epoch,
        )

    def _costs(self, hp: kt.HyperParameters) -> dict[str, float]:
        costs = self._budget.costs(hp)
        # A model that cannot be built has none, and its trial says why.
        for name in ("macs", "memory") if costs else ():
            if self._wanted(name) and name not in costs:
                raise StudyError(
                    f"the objective {name!r} cannot be counted for the model at "
                    f"{hp.values}: kerasblocks.summary names the layers that it "
                    "knows nothing of"
                )
        return {name: float(cost) for name, cost in costs.items()}

    def _begin(self, trial: Trial, executor: Executor, oracle: Oracle) -> None:
        folder, number = self._folder, trial.number
        attempt = len(trial.attempts) + 1
        seed = trial.seed
        if trial.attempts and trial.attempts[-1].cause in ("exception", "nan"):
            # From the same start it would come to the same end.
            seed = self._study.seed + number + _SPREAD * (attempt - 1)
        warm = None if trial.parent is None else folder.checkpoint(trial.parent)
        job = Job(
            number,
            attempt,
            trial.point,
            seed,
            trial.until or self._study.epochs,
            model=str(folder.model(number)),
            checkpoint=str(folder.checkpoint(number)),
            warm=None if warm is None else str(warm),
            first_epoch=trial.first_epoch,
            every=0 if trial.deaths else self._study.checkpoint,
            keep_checkpoint=oracle.warm_starts,
            hang=self._study.hang,
            costs=("latency",) if self._wanted("latency") else (),
        )
        done = self._done(trial)
        worker = executor.submit(job)
        started = Attempt(attempt, worker, now(), epoch=done + 1)
        self._store.begin_attempt(number, started, seed)
        self._trials[number] = replace(
            trial,
            status=RUNNING,
            seed=seed,
            attempts=[*trial.attempts, started],
            epochs=_first(trial.epochs, done - trial.first_epoch),
        )
        self._display.trial_begins(self._trials[number], job.epochs)

    def _on_epoch(self, epoch: Epoch) -> bool:
        number = epoch.number
        trial = self._trials[number]
        self._store.add_epoch(number, epoch.epoch, epoch.metrics)
        kept = _first(trial.epochs, epoch.epoch - 1 - trial.first_epoch)
        self._trials[number] = replace(trial, epochs=[*kept, epoch.metrics])
        self._display.epoch(number, epoch.epoch, epoch.metrics)
        last = trial.until or self._study.epochs
        goes_on = epoch.epoch >= last or not self._prunes(number)
        if goes_on:
            self._check_time()
        return goes_on

    def _prunes(self, number: int) -> bool:
        if self._pruner is None:
            return False
        goal = self._study.goal
        curves = {
            each.number: [epoch.get(goal.name) for epoch in each.epochs]
            for each in self._trials.values()
        }
        mine = curves.pop(number)
        return self._pruner(goal, mine, list(curves.values()))

    def _end(self, outcome: Outcome, oracle: Oracle) -> None:
        number = outcome.number
        if outcome.cause == "study":
            raise StudyError(outcome.error or "the study is wrong")
        trial = self._ended(self._trials[number], outcome)
        if trial.status == FAILED and self._retries_left(trial):
            self._again(trial)
        else:
            self._settle(trial, oracle)

    def _settle(self, trial: Trial, oracle: Oracle) -> None:
        """Count a trial that ended for good."""
        number = trial.number
        oracle.tell(trial)
        self._store.end_attempt(trial, oracle.state())
        self._trials[number] = trial
        self._new += 1
        result = self.result()
        self._folder.keep_models(
            [each.number for each in result.ranked],
            self._study.keep,
            running=[each.number for each in result.trials if not each.ended],
        )
        if not oracle.warm_starts:
            self._folder.checkpoint(number).unlink(missing_ok=True)
        write_tables(result, self._folder)
        self._display.trial_ends(trial)
        self._failures = self._failures + 1 if trial.status == FAILED else 0
        if self._failures >= self._study.max_failures:
            raise SearchFailed(
                f"{trial.error}\n"
                f"trial {number} was the last of {self._failures} in a row that "
                f"failed, so the search ended; tracebacks are in {self._folder.json}"
            )

    def _ended(self, trial: Trial, outcome: Outcome) -> Trial:
        attempt = replace(
            trial.attempts[-1],
            ended=now(),
            status=outcome.status,
            cause=outcome.cause,
            error=outcome.error,
            traceback=outcome.traceback,
        )
        costs = {**trial.costs, **outcome.costs}
        objectives = dict(outcome.objectives)
        if outcome.status == COMPLETED:
            objectives |= {name: costs[name] for name in COSTS if self._wanted(name)}
        return replace(
            trial,
            status=outcome.status,
            point=outcome.point or trial.point,
            score=outcome.score,
            objectives=objectives,
            best_epoch=outcome.best_epoch,
            costs=costs,
            seconds=(trial.seconds or 0.0) + outcome.seconds,
            attempts=[*trial.attempts[:-1], attempt],
        )

    def _give_up(self, oracle: Oracle) -> None:
        """End the trials that this process died of whenever it ran them."""
        for trial in list(self._trials.values()):
            if trial.ended or not trial.deaths:
                continue
            done = self._done(trial)
            if trial.deaths.count(done + 1) < DEATHS:
                continue
            error = (
                f"the process that searched died {DEATHS} times in this trial after "
                f"epoch {done}; in a pool (workers=1 or more) only a worker would"
            )
            outcome = Outcome(
                trial.number,
                FAILED,
                cause="killed",
                error=error,
                traceback=f"{error}\nNo traceback: it was killed, or left by itself.",
            )
            self._settle(self._ended(trial, outcome), oracle)

    def _done(self, trial: Trial) -> int:
        """How many epochs a trial need not run again."""
        saved = epochs_done(self._folder.checkpoint(trial.number))
        return max(saved, trial.first_epoch)

    def _retries_left(self, trial: Trial) -> bool:
        cause = trial.attempts[-1].cause or "exception"
        so_often = sum(
            (attempt.status, attempt.cause) == (FAILED, cause)
            for attempt in trial.attempts
        )
        return so_often <= self._study.retries_after(cause)

    def _again(self, trial: Trial) -> None:
        """Have a trial that failed run once more."""
        if trial.attempts[-1].cause in ("exception", "nan"):
            self._folder.checkpoint(trial.number).unlink(missing_ok=True)
        self._display.trial_failed(trial)
        trial = replace(trial, status=INTERRUPTED)
        self._store.end_attempt(trial)
        self._trials[trial.number] = trial

    def _wanted(self, cost: str) -> bool:
        return any(goal.name == cost for goal in self._study.goals)

    def _check_time(self) -> None:
        if self._until is not None and time.monotonic() >= self._until:
            raise _TimeIsUp


def _first(
    epochs: list[dict[str, float | None]], count: int
) -> list[dict[str, float | None]]:
    """So many epochs; one without metrics for each that is not remembered."""
    count = max(0, count)
    missing = count - len(epochs)
    return [*epochs[:count], *({} for _ in range(missing))]


class _TimeIsUp(BaseException):
    """Ends a search from within a trial, past user code that catches exceptions."""
