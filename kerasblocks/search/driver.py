"""Run a study: ask an oracle, have trials run, remember, go on where it stopped."""

from __future__ import annotations

import dataclasses
import time
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import keras

from kerasblocks.search.display import Display, display_for, since
from kerasblocks.search.errors import SearchFailed, StudyError
from kerasblocks.search.executor import Executor, InProcess, Job, Outcome
from kerasblocks.search.explore import changes, describe, explore
from kerasblocks.search.folder import Folder
from kerasblocks.search.oracle import Oracle
from kerasblocks.search.report import draw, write_tables
from kerasblocks.search.results import Result, rank, varying
from kerasblocks.search.store import FAILED, Store, Trial, dumps
from kerasblocks.search.study import Study
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
        >>> import tempfile, numpy as np
        >>> from kerasblocks.search import Study
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
    with ExitStack() as stack:
        folder.make()
        stack.enter_context(folder.lock())
        folder.sweep()
        store = Store(folder.memory)
        stack.callback(store.close)
        search = _Search(study, folder, store, display)
        search.open()
        if search.todo():
            executor = executor or InProcess(study)
            stack.callback(executor.close)
            search.go(executor)
        return search.finish()


class _Search:
    """One run of one study."""

    def __init__(
        self, study: Study, folder: Folder, store: Store, display: Display
    ) -> None:
        self.study, self.folder, self.store = study, folder, store
        self.display = display
        self.trials: dict[int, Trial] = {}
        self.begun = time.perf_counter()
        self.new = 0
        self.failures = 0
        self.restored_state: Any = None
        self.stopped_early = ""

    def open(self) -> None:
        """Read the memory, or begin it, and say where things stand."""
        study, goal = self.study, self.study.goal
        self.space = explore(study)
        described = describe(self.space)
        row = self.store.study()
        if row is None:
            oracle = study.oracle
            self.store.begin_study(
                name=study.name,
                objective=goal.name,
                direction=goal.direction,
                seed=study.seed,
                oracle=oracle if isinstance(oracle, str) else oracle.__name__,
                space=dumps(described),
            )
            row = self.store.study() or {}
        self._check_same(row)
        self.restored_state = row["oracle_state"]
        self.trials = {trial.number: trial for trial in self.store.trials()}
        finished, todo = len(self.finished()), self.todo()
        where = f"study {study.name!r}: "
        if not self.trials:
            where += f"{study.trials} trials to run"
        elif todo:
            where += f"{finished} of {study.trials} trials are done, {todo} to go"
        else:
            where += f"finished, {finished} trials are done; nothing is run again"
        self.display.line(f"{where} (folder {self.folder.root})")
        difference = changes(row["space"], described)
        if difference:
            self._change_space(difference, described)
        self._say_settings()

    def finished(self) -> list[Trial]:
        return [trial for trial in self.trials.values() if trial.ended]

    def todo(self) -> int:
        return max(0, self.study.trials - len(self.finished()))

    def go(self, executor: Executor) -> None:
        """Run trials until there are enough."""
        study, goal = self.study, self.study.goal
        session = self.store.begin_session(self._settings(), versions())
        oracle = Oracle(study.oracle, goal, study.seed, self.space)
        oracle.restore(self.restored_state, self.trials.values())
        ranked = rank(list(self.trials.values()), goal)
        best = ranked[0].score if ranked else None
        self.display.begin(goal, len(self.finished()), study.trials, best)
        flying: dict[Future[Outcome], int] = {}
        outcome = "finished"
        try:
            while self.todo() > 0:
                while len(flying) < min(executor.slots, self.todo()):
                    trial = self._next(oracle, set(flying.values()))
                    if trial is None:
                        break
                    self.display.trial_begins(trial.number, trial.values, study.epochs)
                    future = executor.submit(self._job(trial), self._on_epoch)
                    flying[future] = trial.number
                if not flying:
                    self.stopped_early = (
                        "the oracle found nothing that was not tried before"
                    )
                    break
                for future in wait(flying, return_when=FIRST_COMPLETED).done:
                    self._end(flying.pop(future), future.result(), oracle)
        except KeyboardInterrupt:
            outcome = "interrupted"
            self.display.end()
            self._say_kept()
            raise
        except BaseException as error:
            outcome = type(error).__name__
            raise
        finally:
            self.display.end()
            for trial in self.store.trials():
                if not trial.ended:
                    self.store.interrupt_trial(trial.number)
            self.store.end_session(session, outcome)
            oracle.close()

    def finish(self) -> Result:
        """Measure the best model on the test data, write the files, show all."""
        result = self._result()
        best = result.best
        test = None
        if best is not None:
            test = self.store.test(best.number)
            if test is None:
                test = self._test(best)
        result = dataclasses.replace(result, test=test)
        write_tables(result, self.folder)
        draw(result, self.folder)
        if self.stopped_early:
            self.display.line(f"the search ended early: {self.stopped_early}")
        self.display.results(result)
        if test is not None:
            words = ", ".join(f"{name} {value:.4f}" for name, value in test.items())
            self.display.line(
                f"held-out test data, best model (trial {best.number}): {words}"
            )
        self.display.line(
            f"in {self.folder.root}: best.keras, trials.csv, trials.json, scores.png "
            f"({since(self.begun)})"
        )
        return result

    def _result(self) -> Result:
        return Result(
            self.study.name,
            self.study.goal,
            self.study.seed,
            self.folder.root,
            [self.trials[number] for number in sorted(self.trials)],
            new=self.new,
        )

    def _next(self, oracle: Oracle, flying: set[int]) -> Trial | None:
        for trial in self.trials.values():
            if not trial.ended and trial.number not in flying:
                self.store.restart_trial(trial.number)
                return trial
        number = max(self.trials, default=0) + 1
        suggestion = oracle.ask(number, [t.values for t in self.trials.values()])
        if suggestion is None:
            return None
        trial = Trial(
            number,
            "RUNNING",
            suggestion.point,
            self.study.seed + number,
            oracle_id=suggestion.oracle_id,
        )
        self.store.begin_trial(trial, oracle.state())
        self.trials[number] = trial
        return trial

    def _job(self, trial: Trial) -> Job:
        model = self.folder.model(trial.number)
        return Job(trial.number, trial.point, trial.seed, str(model))

    def _on_epoch(self, number: int, epoch: int, metrics: Any) -> None:
        self.store.add_epoch(number, epoch, metrics)
        self.display.epoch(number, epoch, metrics)

    def _end(self, number: int, outcome: Outcome, oracle: Oracle) -> None:
        facts = {
            entry.name: getattr(outcome, entry.name)
            for entry in dataclasses.fields(outcome)
        }
        trial = dataclasses.replace(self.trials[number], **facts)
        oracle.tell(trial)
        self.store.end_trial(trial, oracle.state())
        self.trials[number] = trial
        self.new += 1
        ranked = rank(list(self.trials.values()), self.study.goal)
        self.folder.keep_models([t.number for t in ranked], self.study.keep)
        write_tables(self._result(), self.folder)
        self.display.trial_ends(trial, varying(list(self.trials.values())))
        self.failures = self.failures + 1 if trial.status == FAILED else 0
        if self.failures >= self.study.max_failures:
            raise SearchFailed(
                f"{trial.error}\n"
                f"trial {number} was the last of {self.failures} in a row that failed, "
                f"so the search ended; whole tracebacks are in {self.folder.json}"
            )

    def _test(self, best: Trial) -> dict[str, float] | None:
        splits = self.study.splits()
        if splits.test is None:
            self.display.line("the study has no test data: the best model is untested")
            return None
        if not self.folder.best.exists():
            self.display.line(f"{self.folder.best} is missing: it is untested")
            return None
        keras.utils.clear_session()
        model: Any = keras.saving.load_model(self.folder.best)
        test = splits.test if isinstance(splits.test, tuple) else (splits.test,)
        options = {"sample_weight": test[2]} if len(test) == 3 else {}
        metrics = model.evaluate(*test[:2], verbose=0, return_dict=True, **options)
        metrics = {name: float(value) for name, value in metrics.items()}
        self.store.set_test(best.number, metrics)
        return metrics

    def _check_same(self, row: dict[str, Any]) -> None:
        study, goal = self.study, self.study.goal
        now = {
            "name": study.name,
            "objective": goal.name,
            "direction": goal.direction,
            "seed": study.seed,
        }
        for key, value in now.items():
            if row[key] != value:
                raise StudyError(
                    f"{self.folder.root} holds a search with {key} {row[key]!r}, and "
                    f"the study has {key} {value!r}: give it another folder with "
                    "--out, or begin anew with --fresh (which moves this one aside)"
                )

    def _change_space(self, words: list[str], described: list[dict[str, Any]]) -> None:
        if self.study.oracle == "grid":
            raise StudyError(
                f"the search space changed ({'; '.join(words)}), and a grid cannot "
                "go on over another one: begin anew with --fresh"
            )
        self.display.line(
            f"the search space changed since: {'; '.join(words)}. Earlier trials are "
            "kept and ranked; new ones are chosen from the new space"
        )
        self.restored_state = None
        if self.todo():
            self.store.change_space(described)

    def _settings(self) -> dict[str, Any]:
        study = self.study
        return {"epochs": study.epochs, "batch_size": study.batch_size}

    def _say_settings(self) -> None:
        before = self.store.last_settings()
        if before is None or not self.todo():
            return
        for name, value in self._settings().items():
            if before.get(name) != value:
                self.display.line(
                    f"{name} was {before.get(name)} and is {value} from here on: "
                    "scores before and after are not alike"
                )

    def _say_kept(self) -> None:
        finished = len(self.finished())
        best = self._result().best
        kept = f"{finished} of {self.study.trials} trials are finished and kept"
        if best is not None:
            kept += (
                f"; best {self.study.goal.name} {best.score:.4f} (trial {best.number})"
            )
        self.display.line(f"interrupted: {kept} in {self.folder.root}")
        self.display.line("run the same command again to go on from there")
