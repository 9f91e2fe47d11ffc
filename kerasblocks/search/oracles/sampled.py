"""`Sampled`: Optuna's samplers behind KerasTuner's `Oracle`."""

from __future__ import annotations

import importlib.util
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import keras_tuner as kt

from kerasblocks.core.arguments import one_of
from kerasblocks.search.errors import StudyError
from kerasblocks.search.oracles.axes import Axis, axes, params
from kerasblocks.search.oracles.points import is_active, seed_for

SAMPLERS = {
    "tpe": "TPESampler",
    "nsga2": "NSGAIISampler",
    "gp": "GPSampler",
}
# Optuna's generations of 50 outlast most searches over networks.
_GENERATION = 20
# So often a sampler is asked again where its point may not be tried.
_ASKED = 30


class Sampled(kt.Oracle):
    """An oracle that has one of Optuna's samplers choose.

    Optuna remembers nothing: its study is made anew from the trials each time, in
    memory, so that a search that was cut off goes on with the same points. Only the
    active hyperparameters of a point are suggested, one after the other, so that
    conditions hold. A trial with the status `"PRUNED"` is told to Optuna as such, at
    the last step of its objective.

    Args:
        sampler: `"tpe"` (tree-structured Parzen estimators), `"nsga2"` (a genetic
            algorithm for several objectives) or `"gp"` (a Gaussian process; it needs
            PyTorch).
        objective: A `keras_tuner.Objective` or several.
        seed: Where the samplers' dice begin.
        **options: As of `keras_tuner.Oracle`.

    Raises:
        StudyError: Optuna, or what the sampler needs, is not installed.

    Example:
        >>> Sampled("tpe", kt.Objective("val_loss", "min"), seed=1).sampler
        'tpe'

    References:
        Akiba et al., "Optuna: A Next-generation Hyperparameter Optimization
        Framework", https://arxiv.org/abs/1907.10902; Bergstra et al., "Algorithms for
        Hyper-Parameter Optimization", NeurIPS 2011; Deb et al., "A Fast and Elitist
        Multiobjective Genetic Algorithm: NSGA-II", IEEE TEC 6(2), 2002.
    """

    def __init__(
        self,
        sampler: str,
        objective: kt.Objective | Sequence[kt.Objective],
        seed: int | None = None,
        **options: Any,
    ) -> None:
        self.sampler = one_of("Sampled", "sampler", sampler, [*SAMPLERS])
        several = isinstance(objective, Sequence)
        self.goals = list(objective) if several else [objective]
        _require("optuna", sampler, "optuna")
        if sampler == "gp":
            _require("torch", sampler, "optuna,torch")
        super().__init__(objective=self.goals[0], seed=seed, **options)
        self.legal: Callable[[dict[str, Any]], bool] = lambda values: True
        # What NSGA-II notes: of a trial its generation, of a generation its parents.
        self._notes: dict[str, dict[str, Any]] = {}
        self._study_notes: dict[str, Any] = {}

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        with _quiet():
            study, storage, found = self._study()
            for _ in range(_ASKED):
                asked = study.ask()
                values = _suggest(asked, found)
                if self.legal(values):
                    break
                study.tell(asked, state=_states().FAIL)
            self._note(trial_id, asked._trial_id, storage)
        return {"status": "RUNNING", "values": values}

    def get_state(self) -> dict[str, Any]:
        notes = {"trials": self._notes, "study": self._study_notes}
        return {**super().get_state(), "notes": notes}

    def set_state(self, state: dict[str, Any]) -> None:
        super().set_state(state)
        self._notes = state["notes"]["trials"]
        self._study_notes = state["notes"]["study"]

    def _study(self) -> tuple[Any, Any, list[Axis]]:
        """Optuna's study of the trials so far."""
        import optuna

        directions: list[Any] = [f"{goal.direction}imize" for goal in self.goals]
        storage = optuna.storages.InMemoryStorage()
        study = optuna.create_study(
            storage=storage,
            study_name="kerasblocks",
            sampler=self._sampler(),
            directions=directions,
        )
        number = storage.get_study_id_from_name("kerasblocks")
        for name, note in self._study_notes.items():
            storage.set_study_system_attr(number, name, note)
        found = axes(self.hyperparameters)
        for trial in self.trials.values():
            study.add_trial(self._told(trial, found))
        return study, storage, found

    def _sampler(self) -> Any:
        from optuna import samplers

        seed = seed_for(self._seed_state, len(self.trials))
        if self.sampler == "nsga2":
            return samplers.NSGAIISampler(seed=seed, population_size=_GENERATION)
        if self.sampler == "gp":
            return samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        return samplers.TPESampler(seed=seed, constant_liar=True)

    def _told(self, trial: Any, found: list[Axis]) -> Any:
        """A trial as Optuna holds it; a failure where there is nothing to learn."""
        from optuna.trial import create_trial

        states = _states()
        facts: dict[str, Any] = {}
        try:
            facts["params"] = params(found, trial.hyperparameters.values)
        except ValueError:  # A value that the space has no more.
            return create_trial(state=states.FAIL)
        legal = {axis.name: axis.distribution for axis in found}
        facts["distributions"] = {name: legal[name] for name in facts["params"]}
        facts["system_attrs"] = self._notes.get(trial.trial_id, {})
        scores = [
            trial.metrics.get_best_value(goal.name)
            for goal in self.goals
            if trial.metrics.exists(goal.name)
        ]
        if trial.status == "RUNNING":
            return create_trial(state=states.RUNNING, **facts)
        if trial.status == "COMPLETED" and len(scores) == len(self.goals):
            return create_trial(state=states.COMPLETE, values=scores, **facts)
        if trial.status == "PRUNED":
            # Optuna has values of steps for one objective only.
            if len(self.goals) == 1:
                facts["intermediate_values"] = {trial.best_step: scores[0]}
            return create_trial(state=states.PRUNED, **facts)
        return create_trial(state=states.FAIL)

    def _note(self, trial_id: str, asked: int, storage: Any) -> None:
        if self.sampler != "nsga2":
            return
        number = storage.get_study_id_from_name("kerasblocks")
        self._notes[trial_id] = dict(storage.get_trial(asked).system_attrs)
        self._study_notes = dict(storage.get_study_system_attrs(number))


def _suggest(asked: Any, found: list[Axis]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for axis in found:
        if not is_active(axis.entry, values):
            continue
        if axis.single:
            values[axis.entry.name] = axis.entry.default
            continue
        values[axis.entry.name] = axis.value(_choose(asked, axis))
    return values


def _choose(asked: Any, axis: Axis) -> Any:
    from optuna import distributions

    legal = axis.distribution
    if isinstance(legal, distributions.CategoricalDistribution):
        return asked.suggest_categorical(axis.name, legal.choices)
    if isinstance(legal, distributions.IntDistribution):
        return asked.suggest_int(axis.name, legal.low, legal.high)
    return asked.suggest_float(axis.name, legal.low, legal.high)


def _states() -> Any:
    from optuna.trial import TrialState

    return TrialState


def _require(module: str, sampler: str, extra: str) -> None:
    if importlib.util.find_spec(module) is None:
        raise StudyError(
            f"oracle {sampler!r} needs {module}, which is not installed: "
            f'pip install "kerasblocks[{extra}]"'
        )


@contextmanager
def _quiet() -> Iterator[None]:
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            yield
    finally:
        optuna.logging.set_verbosity(before)
