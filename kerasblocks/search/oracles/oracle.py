"""An oracle as the driver uses it: asked, told and restored."""

from __future__ import annotations

import enum
import json
import math
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras_tuner as kt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from kerasblocks.search.explore import at, fits
from kerasblocks.search.oracles import grid
from kerasblocks.search.oracles.points import TRIES, Legal, default_point, seed_for
from kerasblocks.search.oracles.sampled import Sampled
from kerasblocks.search.oracles.table import Kind, make
from kerasblocks.search.trial import COMPLETED, FAILED, PRUNED, Trial, dumps

# A failed trial is this package's business, not the oracle's.
_NEVER = 10**9


class _Wait(enum.Enum):
    WAIT = "wait"


WAIT = _Wait.WAIT
"""What an oracle says that has no point until a running trial ends."""


@dataclass(frozen=True)
class Suggestion:
    """A point to try.

    Args:
        oracle_id: The oracle's name for the trial.
        point: `HyperParameters.get_config()`, to build the model from.
        repeated: Whether the oracle named a point that was tried before, so
            that a random one stands in for it.
        epochs: The epoch to train up to; None for the study's.
        first_epoch: Epochs that the trial it goes on from has had.
        parent: The oracle's name for the trial from whose checkpoint this one goes
            on, or None.
    """

    oracle_id: str
    point: dict[str, Any]
    repeated: bool = False
    epochs: int | None = None
    first_epoch: int = 0
    parent: str | None = None


def always(hp: kt.HyperParameters) -> bool:
    """Allow any point."""
    return True


class Oracle:
    """One oracle, whose memory lies with the driver.

    The first point is that of the defaults, which the study's author thought best;
    a grid and Hyperband begin as they do. What it suggests after that depends on the
    seed, the trial's number and the trials so far, however often the search was
    interrupted. The oracle writes no files; one that wants to has a temporary
    directory for them.

    Args:
        kind: A name in `ORACLES`, or a function of `(objective, seed)` that returns
            a KerasTuner oracle; of several objectives it gets the first.
        goals: The objectives.
        seed: Any int from 0 on.
        space: The search space.
        epochs: How long a trial trains at most.

    Raises:
        StudyError: The oracle takes one objective and there are several, or it needs
            what is not installed.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16])
        >>> goal = kt.Objective("val_loss", "min")
        >>> oracle = Oracle("random", [goal], 0, hp, epochs=10)
        >>> oracle.ask(1, []).point["values"]["units"] in (8, 16)
        True
        >>> oracle.close()
    """

    def __init__(
        self,
        kind: Kind,
        goals: Sequence[kt.Objective],
        seed: int,
        space: kt.HyperParameters,
        epochs: int,
    ) -> None:
        self._goals = list(goals)
        self._space = space
        self._seed = seed
        self._oracle = make(kind, goals, seed_for(seed), epochs)
        # The driver counts the trials: the oracle has no number to stop at.
        self._oracle.max_trials = None
        self._oracle.max_consecutive_failed_trials = _NEVER
        self._oracle.max_retries_per_trial = 0
        self._oracle._max_collisions = TRIES
        self._oracle.verbose = 0
        self._oracle.update_space(space)
        # Nothing reads KerasTuner's files, and it writes all of them each time.
        for name in ("save", "_save_trial"):
            setattr(self._oracle, name, _nothing)
        self._scratch = tempfile.TemporaryDirectory(prefix="kerasblocks-")
        self._oracle._set_project_dir(self._scratch.name, "oracle")
        # Points that were passed over, though the oracle must count them.
        self._skipped: dict[str, dict[str, Any]] = {}

    @property
    def warm_starts(self) -> bool:
        """Whether trials go on from the checkpoints of others."""
        return isinstance(self._oracle, kt.oracles.HyperbandOracle)

    def close(self) -> None:
        """Remove the temporary directory."""
        self._scratch.cleanup()

    def restore(self, state: dict[str, Any] | None, trials: Iterable[Trial]) -> None:
        """Bring back what a process that ended had told the oracle.

        Args:
            state: What `state()` gave, or None where it no longer holds since
                the space changed. Another kind of oracle's is not used.
            trials: All trials so far; those that have not ended are still its.
        """
        oracle = self._oracle
        trials = list(trials)
        state = state if self._holds(state) else None
        if state is not None:
            self._skipped = dict(state["skipped"])
        # The oracle numbers its trials by how many there are.
        known = {trial.oracle_id: self._told(trial) for trial in trials}
        last = max((int(name) for name in known if name.isdecimal()), default=-1)
        for number in range(last + 1):
            name = f"{number:04d}"
            if name not in known:
                self._skipped.setdefault(name, {})
        known |= {name: self._passed(name) for name in self._skipped}
        oracle.trials.update(sorted(known.items(), key=lambda item: _order(item[0])))
        oracle.ongoing_trials.update(
            {_slot(t.oracle_id): known[t.oracle_id] for t in trials if not t.ended}
        )
        if state is None:
            ended = [name for name, told in known.items() if told.status != "RUNNING"]
            oracle.start_order, oracle.end_order = list(known), ended
            return
        oracle.set_state(
            {
                **state["state"],
                "hyperparameters": oracle.get_space().get_config(),
                "display": oracle._display.get_state(),
            }
        )
        for told in known.values():
            oracle.update_space(told.hyperparameters)
        if isinstance(oracle, kt.oracles.GridSearchOracle):
            grid.put(oracle, state["place"])

    def ask(
        self,
        number: int,
        tried: Iterable[dict[str, Any]],
        allowed: Callable[[kt.HyperParameters], bool] = always,
    ) -> Suggestion | _Wait | None:
        """Return a point that was not tried.

        Args:
            number: The trial's number; with the seed and the trials so far it
                settles what comes, however often the search was interrupted.
            tried: The values of all trials so far.
            allowed: Whether a point is within the budget: another is sought for one
                that is not.

        Returns:
            The point; `WAIT` where there is none until a running trial ends; None
            where nothing is left.

        Raises:
            StudyError: 1,000 points were not within the budget.
        """
        oracle = self._oracle
        legal = Legal(oracle.get_space(), tried, allowed)
        self._prepare(number, legal)
        # A grid has its own next point, whatever a random one would be.
        draws = not isinstance(oracle, kt.oracles.GridSearchOracle)
        refused = 0
        for turn in range(TRIES):
            oracle._seed_state = seed_for(self._seed, number, turn)
            trial = self._create(f"asking-{number}-{turn}")
            if trial.status != "RUNNING":
                if trial.status == "IDLE" and oracle.ongoing_trials:
                    return WAIT
                if refused and not legal.tried:
                    legal.refuse()
                return None
            plan = _take_plan(trial)
            if plan["parent"] is not None:
                if not self._is_lost(plan["parent"]):
                    return self._suggest(trial, plan)
                self._skip(trial)
                continue
            if number == 1 and draws and not self.warm_starts:
                defaults = default_point(oracle.get_space().space)
                trial.hyperparameters.values = defaults
            values = trial.hyperparameters.values
            repeated = legal.is_repeat(values)
            if legal(values):
                return self._suggest(trial, plan)
            refused += not repeated
            found = legal.draw(seed_for(self._seed, number)) if draws else None
            if found is not None:
                trial.hyperparameters.values = found
                return self._suggest(trial, plan, repeated)
            if draws and not self.warm_starts:
                self._withdraw(trial)
                return None
            draws = False
            self._skip(trial)
            if self._is_bare():
                return WAIT if oracle.ongoing_trials else None
        if refused == TRIES:
            legal.refuse()
        return None

    def tell(self, trial: Trial) -> None:
        """Say how a trial ended.

        Args:
            trial: The trial, its status `COMPLETED`, `PRUNED` or `FAILED`.
        """
        self._end(trial.oracle_id, self._told(trial))

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as plain data."""
        state = self._oracle.get_state()
        # The space is the study's, and the display shows nothing.
        state = {
            name: data
            for name, data in state.items()
            if name not in ("hyperparameters", "display")
        }
        data = {
            "class": type(self._oracle).__name__,
            "state": state,
            "skipped": self._skipped,
        }
        if isinstance(self._oracle, kt.oracles.GridSearchOracle):
            data["place"] = grid.place(self._oracle)
        return json.loads(dumps(data))

    def _holds(self, state: dict[str, Any] | None) -> bool:
        """Whether a state is of such an oracle, for as many epochs."""
        if state is None or state["class"] != type(self._oracle).__name__:
            return False
        epochs = getattr(self._oracle, "max_epochs", None)
        return state["state"].get("max_epochs") == epochs

    def _prepare(self, number: int, legal: Legal) -> None:
        oracle = self._oracle
        if hasattr(oracle, "legal"):
            setattr(oracle, "legal", legal)  # noqa: B010
        # KerasTuner's Bayesian oracle does not say where its own dice stand.
        if hasattr(oracle, "_random_state"):
            dice = np.random.RandomState(seed_for(self._seed, number))
            setattr(oracle, "_random_state", dice)  # noqa: B010

    def _create(self, slot: str) -> Any:
        with _quiet():
            return self._oracle.create_trial(slot)

    def _suggest(
        self, trial: Any, plan: dict[str, Any], repeated: bool = False
    ) -> Suggestion:
        self._hold(trial)
        point = json.loads(dumps(trial.hyperparameters.get_config()))
        return Suggestion(trial.trial_id, point, repeated, **plan)

    def _hold(self, trial: Any) -> None:
        """Have a trial run under its own name, not that of who asked."""
        ongoing = self._oracle.ongoing_trials
        for slot, other in list(ongoing.items()):
            if other is trial:
                ongoing[_slot(trial.trial_id)] = ongoing.pop(slot)

    def _withdraw(self, trial: Any) -> None:
        """Take back a trial as if the oracle had not been asked."""
        self._hold(trial)
        self._oracle.ongoing_trials.pop(_slot(trial.trial_id))
        self._oracle.trials.pop(trial.trial_id)
        self._oracle.start_order.remove(trial.trial_id)

    def _skip(self, trial: Any) -> None:
        """End a trial that nobody runs; the oracle goes on from it."""
        self._skipped[trial.trial_id] = dict(trial.hyperparameters.values)
        self._end(trial.trial_id, self._passed(trial.trial_id))

    def _end(self, trial_id: str, fresh: Any) -> None:
        told = self._oracle.trials[trial_id]
        told.metrics, told.status = fresh.metrics, fresh.status
        told.hyperparameters, told.message = fresh.hyperparameters, fresh.message
        with _quiet():
            self._oracle.end_trial(told)
        told.score, told.best_step = fresh.score, fresh.best_step

    def _is_lost(self, trial_id: str) -> bool:
        """Whether there is no checkpoint to go on from."""
        score = self._oracle.trials[trial_id].score
        return score is None or math.isinf(score)

    def _is_bare(self) -> bool:
        """Whether Hyperband began a bracket without any point to run.

        One that has some is filled up with points that nobody runs, so that the best
        of those that there are come to be promoted.
        """
        brackets = getattr(self._oracle, "_brackets", [])
        return bool(brackets) and all(
            entry["id"] in self._skipped for entry in brackets[-1]["rounds"][0]
        )

    def _told(self, trial: Trial) -> Any:
        """A trial as KerasTuner holds it."""
        told = kt.engine.trial.Trial(at(trial.point), trial.oracle_id)
        told.message = trial.error
        if not trial.ended:
            return told
        score = trial.score if fits(trial.values, self._space) else None
        if trial.status == COMPLETED and score is not None:
            self._score(told, trial, score)
        elif trial.status == PRUNED and score is not None and not self.warm_starts:
            # To most oracles it is a trial that did not come far.
            self._score(told, trial, score)
            if isinstance(self._oracle, Sampled):
                told.status = PRUNED
        else:
            self._lose(told)
        return told

    def _score(self, told: Any, trial: Trial, score: float) -> None:
        step = trial.best_epoch or 0
        if trial.status == PRUNED:
            step = trial.first_epoch + len(trial.epochs)
        known = {**trial.costs, **trial.objectives, self._goals[0].name: score}
        for goal in self._goals:
            if known.get(goal.name) is not None:
                told.metrics.register(goal.name, goal.direction)
                told.metrics.update(goal.name, known[goal.name], step)
        told.status, told.score, told.best_step = COMPLETED, score, step

    def _passed(self, trial_id: str) -> Any:
        """A trial that nobody ran as KerasTuner holds it."""
        hp = self._oracle.get_space()
        hp.values = dict(self._skipped[trial_id])
        told = kt.engine.trial.Trial(hp, trial_id)
        self._lose(told)
        return told

    def _lose(self, told: Any) -> None:
        """Mark a trial that says nothing of its point.

        Hyperband waits for ever for a round with a trial that failed: to it, that is
        the worst trial of the round, and comes to be promoted only where there are
        not enough others; `ask` passes over it then.
        """
        goal = self._goals[0]
        told.status = FAILED
        if self.warm_starts:
            worst = math.inf if goal.direction == "min" else -math.inf
            told.metrics.register(goal.name, goal.direction)
            told.metrics.update(goal.name, worst, 0)
            told.status, told.score, told.best_step = COMPLETED, worst, 0


def _nothing(*_: Any) -> None:
    """Stands in for writing a file."""


def _order(trial_id: str) -> tuple[int, str]:
    """Sorts the numbers that the oracle gave, those of five digits too."""
    return len(trial_id), trial_id


def _slot(trial_id: str) -> str:
    return f"trial-{trial_id}"


def _take_plan(trial: Any) -> dict[str, Any]:
    """Take what Hyperband hid among the values, which are not for the model."""
    values = trial.hyperparameters.values
    hidden = {
        name: values.pop(name) for name in list(values) if name.startswith("tuner/")
    }
    return {
        "epochs": hidden.get("tuner/epochs"),
        "first_epoch": hidden.get("tuner/initial_epoch", 0),
        "parent": hidden.get("tuner/trial_id"),
    }


@contextmanager
def _quiet() -> Iterator[None]:
    # KerasTuner asks for the thread's name in a way that Python deprecated, and
    # a Gaussian process says each time that few trials make a rough model.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
