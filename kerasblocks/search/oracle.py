"""KerasTuner's oracles as this driver uses them: asked, told and restored."""

from __future__ import annotations

import json
import random
import tempfile
import warnings
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import keras_tuner as kt
import numpy as np
from sklearn.exceptions import ConvergenceWarning

from kerasblocks.search.explore import at, fits
from kerasblocks.search.study import ORACLES
from kerasblocks.search.trial import COMPLETED, FAILED, Trial, dumps

# A failed trial is this package's business, not the oracle's.
_NEVER = 10**9
# The oracles take consecutive seeds from the first on: two searches whose
# seeds are neighbours must not draw the same numbers.
_SPREAD = 1_000_003
_DRAWS = 1_000


@dataclass(frozen=True)
class Suggestion:
    """A point to try.

    Args:
        oracle_id: The oracle's name for the trial.
        point: `HyperParameters.get_config()`, to build the model from.
        repeated: Whether the oracle named a point that was tried before, so
            that a random one stands in for it.
    """

    oracle_id: str
    point: dict[str, Any]
    repeated: bool = False


class Oracle:
    """One oracle, whose memory lies with the driver.

    KerasTuner writes an oracle's files in place, so they go to a temporary
    directory that nothing is read from.

    Args:
        kind: A name in `ORACLES` or a function of `(objective, seed)`.
        goal: The objective.
        seed: Any int from 0 on.
        space: The search space.

    Example:
        >>> hp = kt.HyperParameters()
        >>> _ = hp.Choice("units", [8, 16])
        >>> oracle = Oracle("random", kt.Objective("val_loss", "min"), 0, hp)
        >>> oracle.ask(1, []).point["values"]["units"] in (8, 16)
        True
        >>> oracle.close()
    """

    def __init__(
        self,
        kind: str | Callable[[kt.Objective, int], kt.Oracle],
        goal: kt.Objective,
        seed: int,
        space: kt.HyperParameters,
    ) -> None:
        self._goal = goal
        self._space = space
        self._seed = seed
        # KerasTuner reads seed 0 as no seed at all.
        usable = seed * _SPREAD % (2**31 - 2) + 1
        if isinstance(kind, str):
            self._oracle = ORACLES[kind](objective=goal, seed=usable)
        else:
            self._oracle = kind(goal, usable)
        # The driver counts the trials: the oracle has no number to stop at.
        self._oracle.max_trials = None
        self._oracle.max_consecutive_failed_trials = _NEVER
        self._oracle.max_retries_per_trial = 0
        self._oracle._max_collisions = _DRAWS
        self._oracle.verbose = 0
        self._oracle.update_space(space)
        self._scratch = tempfile.TemporaryDirectory(prefix="kerasblocks-")
        self._oracle._set_project_dir(self._scratch.name, "oracle")

    def close(self) -> None:
        """Remove the temporary directory."""
        self._scratch.cleanup()

    def restore(self, state: dict[str, Any] | None, trials: Iterable[Trial]) -> None:
        """Bring back what a process that ended had told the oracle.

        Args:
            state: What `state()` gave, or None where it no longer holds since
                the space changed. Another kind of oracle's is not used.
            trials: All trials so far.
        """
        if isinstance(self._oracle, kt.oracles.GridSearchOracle):
            self._replay(trials)
            return
        if state is not None and state["class"] != type(self._oracle).__name__:
            state = None
        for trial in trials:
            told = self._told(trial)
            self._oracle.trials[trial.oracle_id] = told
            if not trial.ended:
                self._oracle.ongoing_trials[_slot(trial.oracle_id)] = told
            elif state is None:
                self._oracle.start_order.append(trial.oracle_id)
                self._oracle.end_order.append(trial.oracle_id)
        if state is not None:
            self._oracle.set_state(state["state"])
            self._oracle.verbose = 0

    def ask(self, number: int, tried: Iterable[dict[str, Any]]) -> Suggestion | None:
        """Return a point that was not tried, or None if none was found.

        Args:
            number: The trial's number; with the seed and the trials so far it
                settles what comes, however often the search was interrupted.
            tried: The values of all trials so far.
        """
        seen = {_key(values) for values in tried}
        # The Bayesian oracle's state leaves out where its own dice stand.
        if hasattr(self._oracle, "_random_state"):
            dice = np.random.RandomState((self._seed * _SPREAD + number) % 2**32)
            setattr(self._oracle, "_random_state", dice)  # noqa: B010
        slot = f"asking-{number}"
        trial = self._create(slot)
        if trial.status != "RUNNING":
            return None
        self._oracle.ongoing_trials[_slot(trial.trial_id)] = (
            self._oracle.ongoing_trials.pop(slot)
        )
        repeated = _key(trial.hyperparameters.values) in seen
        if repeated:
            values = self._draw(number, seen)
            if values is None:
                self._oracle.ongoing_trials.pop(_slot(trial.trial_id))
                return None
            trial.hyperparameters.values = values
        point = json.loads(dumps(trial.hyperparameters.get_config()))
        return Suggestion(trial.trial_id, point, repeated)

    def tell(self, trial: Trial) -> None:
        """Say how a trial ended.

        Args:
            trial: The trial, its status `COMPLETED` or `FAILED`.
        """
        told = self._oracle.trials[trial.oracle_id]
        fresh = self._told(trial)
        told.metrics, told.status = fresh.metrics, fresh.status
        told.hyperparameters = fresh.hyperparameters
        told.message = trial.error
        with _quiet():
            self._oracle.end_trial(told)
        if trial.status == COMPLETED:
            told.score, told.best_step = trial.score, trial.best_epoch

    def state(self) -> dict[str, Any]:
        """Return what `restore` needs, as plain data."""
        return {
            "class": type(self._oracle).__name__,
            "state": self._oracle.get_state(),
        }

    def _replay(self, trials: Iterable[Trial]) -> None:
        # What get_state gives of a grid leaves out where in the grid it stands.
        for trial in trials:
            asked = self._create(_slot(trial.oracle_id))
            asked.hyperparameters = at(trial.point)
            if trial.ended:
                self.tell(trial)

    def _create(self, slot: str) -> kt.engine.trial.Trial:
        with _quiet():
            return self._oracle.create_trial(slot)

    def _told(self, trial: Trial) -> kt.engine.trial.Trial:
        told = kt.engine.trial.Trial(at(trial.point), trial.oracle_id)
        told.status, told.message = trial.status, trial.error
        if not trial.ended:
            told.status = "RUNNING"
        elif not fits(trial.values, self._space) and trial.status == COMPLETED:
            # Of another space: kept, but nothing is to be learnt from it here.
            told.status = FAILED
        told.metrics.register(self._goal.name, self._goal.direction)
        if trial.status == COMPLETED and trial.score is not None:
            told.metrics.update(self._goal.name, trial.score, trial.best_epoch or 0)
            told.score, told.best_step = trial.score, trial.best_epoch
        return told

    def _draw(self, number: int, seen: set[str]) -> dict[str, Any] | None:
        dice = random.Random(self._seed * _SPREAD + number)
        for _ in range(_DRAWS):
            point = kt.HyperParameters()
            for entry in self._oracle.get_space().space:
                point.merge([entry])
                if point.is_active(entry):
                    point.values[entry.name] = entry.random_sample(dice.random())
            if _key(point.values) not in seen:
                return point.values
        return None


def _slot(trial_id: str) -> str:
    return f"trial-{trial_id}"


def _key(values: dict[str, Any]) -> str:
    return dumps(dict(sorted(values.items())))


@contextmanager
def _quiet() -> Iterator[None]:
    # KerasTuner asks for the thread's name in a way that Python deprecated, and
    # the Bayesian oracle says each time that few trials make a rough model.
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
