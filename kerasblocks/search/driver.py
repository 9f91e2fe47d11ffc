"""Run a study: ask an oracle, have trials run, remember, go on where it stopped."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from kerasblocks.search.display import Display, display_for, since
from kerasblocks.search.errors import SearchFailed, StudyError
from kerasblocks.search.executor import Executor, InProcess, Job, Outcome
from kerasblocks.search.explore import explore
from kerasblocks.search.finish import finish
from kerasblocks.search.folder import Folder
from kerasblocks.search.oracle import Oracle
from kerasblocks.search.report import write_tables
from kerasblocks.search.results import Result
from kerasblocks.search.resume import resume, settings
from kerasblocks.search.store import Store
from kerasblocks.search.study import Study
from kerasblocks.search.trial import FAILED, RUNNING, Trial
from kerasblocks.search.versions import versions


def run(
    study: Study,
    *,
    out: str | Path | None = None,
    trials: int | None = None,
    seed: int | None = None,
    fresh: bool = False,
    executor: Executor | None = None,
    display: Display | None = None,
) -> Result:
    """Search a study until it has its trials, or go on with one begun before.

    Trials that ended are never run again; one that was cut off runs again from
    its start, under its number.

    Args:
        study: The study.
        out: The folder for results, `runs/NAME` by default.
        trials: How many trials in all, `study.trials` by default; more than
            before extends a finished search.
        seed: Stands in for `study.seed`.
        fresh: Begin anew; the old folder is moved aside, not deleted.
        executor: Where trials run; in this process by default.
        display: What says how it goes; by default standard output.

    Returns:
        The results.

    Raises:
        StudyError: The study, or the folder, is not as it must be.
        SearchFailed: `study.max_failures` trials in a row failed.
        KeyboardInterrupt: Ctrl-C; what had finished is kept.

    Example:
        >>> import tempfile, keras, numpy as np
        >>> from kerasblocks.search import Splits, Study
        >>> def build(hp):
        ...     model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1)])
        ...     rate = hp.Float("rate", 1e-3, 1e-1, sampling="log")
        ...     model.compile(keras.optimizers.SGD(rate), loss="mse")
        ...     return model
        >>> part = np.ones((8, 3)), np.ones((8, 1))
        >>> study = Study(
        ...     name="line",
        ...     hypermodel=build,
        ...     data=lambda: Splits(part, part),
        ...     objective="val_loss",
        ...     epochs=1,
        ... )
        >>> result = run(study, trials=1, out=tempfile.mkdtemp())
        study 'line': ...
        >>> len(result.trials)
        1
    """
    try:
        if seed is not None:
            study = dataclasses.replace(study, seed=seed)
        if trials is not None:
            study = dataclasses.replace(study, trials=trials)
    except TypeError as error:
        raise StudyError(f"expected a Study, got {type(study).__name__}") from error
    display = display or display_for()
    folder = Folder(out or Path("runs") / study.name)
    if fresh:
        aside = folder.move_aside()
        if aside is not None:
            display.line(f"the earlier search was moved to {aside}")
    # Trials and the last test read the data once between them.
    study = dataclasses.replace(study, data=functools.cache(study.data))
    begun = time.perf_counter()
    with ExitStack() as stack:
        folder.make()
        stack.enter_context(folder.lock())
        folder.sweep()
        store = Store(folder.memory)
        stack.callback(store.close)
        search = _Search(study, folder, store, display)
        try:
            oracle_state = search.open()
            if search.todo():
                executor = executor or InProcess(study)
                stack.callback(executor.close)
                search.go(executor, oracle_state)
            result = finish(study, search.result(), folder, store, display)
        except KeyboardInterrupt:
            display.end()
            search.say_kept()
            raise
        display.line(
            f"in {folder.root}: best.keras, trials.csv, trials.json, scores.png "
            f"({since(begun)})"
        )
        return result


class _Search:
    """One run of one study."""

    def __init__(
        self, study: Study, folder: Folder, store: Store, display: Display
    ) -> None:
        self._study, self._folder = study, folder
        self._store, self._display = store, display
        self._trials: dict[int, Trial] = {}
        self._new = 0
        self._failures = 0

    def open(self) -> Any:
        """Read the memory, or begin it, say where things stand; return the oracle."""
        study = self._study
        self._space = explore(study)
        state, notes = resume(study, self._space, self._folder, self._store)
        self._read()
        finished = len(self._finished())
        if not self._trials:
            stands = f"{study.trials} trial{'s' * (study.trials > 1)} to run"
        elif self.todo():
            stands = (
                f"{finished} of {study.trials} trials are done, {self.todo()} to go"
            )
        else:
            stands = f"finished, {finished} trials are done; nothing is run again"
        self._display.line(
            f"study {study.name!r}: {stands} (folder {self._folder.root})"
        )
        for note in notes:
            self._display.line(note)
        return state

    def todo(self) -> int:
        """How many trials are still to end."""
        return max(0, self._study.trials - len(self._finished()))

    def go(self, executor: Executor, oracle_state: Any) -> None:
        """Run trials until there are enough."""
        study, goal = self._study, self._study.goal
        session = self._store.begin_session(settings(study), versions())
        oracle = Oracle(study.oracle, goal, study.seed, self._space)
        oracle.restore(oracle_state, self._trials.values())
        best = self.result().best
        self._display.begin(
            goal, len(self._finished()), study.trials, best.score if best else None
        )
        outcome = "failed"
        try:
            found = self._loop(executor, oracle)
            outcome = "finished" if found else "exhausted"
        except KeyboardInterrupt:
            outcome = "interrupted"
            raise
        finally:
            self._display.end()
            for trial in self._store.trials():
                if trial.status == RUNNING:
                    self._store.interrupt_trial(trial.number)
            self._store.end_session(session, outcome)
            oracle.close()
        if not found:
            self._display.line(
                "the search ends early: the oracle found no point that was not tried"
            )

    def result(self) -> Result:
        """Return the results so far."""
        return Result(
            self._study.name,
            self._study.goal,
            self._study.seed,
            self._folder.root,
            [self._trials[number] for number in sorted(self._trials)],
            new=self._new,
        )

    def say_kept(self) -> None:
        """After Ctrl-C: say what is kept and how to go on."""
        self._read()
        best = self.result().best
        kept = f"{len(self._finished())} of {self._study.trials} trials are finished"
        if best is not None:
            kept += f", the best with {self._study.goal.name} {best.score:.4f}"
        self._display.line(f"interrupted: {kept}; all is kept in {self._folder.root}")
        self._display.line("run the same command again to go on from there")

    def _read(self) -> None:
        self._trials = {trial.number: trial for trial in self._store.trials()}

    def _finished(self) -> list[Trial]:
        return [trial for trial in self._trials.values() if trial.ended]

    def _loop(self, executor: Executor, oracle: Oracle) -> bool:
        """Run trials; return False where the oracle has no more points."""
        flying: dict[Future[Outcome], int] = {}
        while self.todo() > 0:
            while len(flying) < min(executor.slots, self.todo()):
                trial = self._next(oracle, set(flying.values()))
                if trial is None:
                    break
                self._display.trial_begins(
                    trial.number, trial.values, self._study.epochs
                )
                model = str(self._folder.model(trial.number))
                job = Job(trial.number, trial.point, trial.seed, model)
                flying[executor.submit(job, self._on_epoch)] = trial.number
            if not flying:
                return False
            for future in wait(flying, return_when=FIRST_COMPLETED).done:
                self._end(flying.pop(future), future.result(), oracle)
        return True

    def _next(self, oracle: Oracle, flying: set[int]) -> Trial | None:
        for trial in self._trials.values():
            if not trial.ended and trial.number not in flying:
                self._store.restart_trial(trial.number)
                again = dataclasses.replace(trial, attempts=trial.attempts + 1)
                self._trials[trial.number] = again
                return again
        number = max(self._trials, default=0) + 1
        suggestion = oracle.ask(number, [each.values for each in self._trials.values()])
        if suggestion is None:
            return None
        trial = Trial(
            number,
            RUNNING,
            suggestion.point,
            self._study.seed + number,
            oracle_id=suggestion.oracle_id,
        )
        self._store.begin_trial(trial, oracle.state())
        self._trials[number] = trial
        return trial

    def _on_epoch(self, number: int, epoch: int, metrics: Mapping[str, float]) -> None:
        self._store.add_epoch(number, epoch, metrics)
        self._display.epoch(number, epoch, metrics)

    def _end(self, number: int, outcome: Outcome, oracle: Oracle) -> None:
        facts = {
            entry.name: getattr(outcome, entry.name)
            for entry in dataclasses.fields(outcome)
        }
        trial = dataclasses.replace(self._trials[number], **facts)
        oracle.tell(trial)
        self._store.end_trial(trial, oracle.state())
        self._trials[number] = trial
        self._new += 1
        result = self.result()
        self._folder.keep_models(
            [each.number for each in result.ranked], self._study.keep
        )
        write_tables(result, self._folder)
        self._display.trial_ends(trial)
        self._failures = self._failures + 1 if trial.status == FAILED else 0
        if self._failures >= self._study.max_failures:
            raise SearchFailed(
                f"{trial.error}\n"
                f"trial {number} was the last of {self._failures} in a row that "
                f"failed, so the search ended; tracebacks are in {self._folder.json}"
            )
