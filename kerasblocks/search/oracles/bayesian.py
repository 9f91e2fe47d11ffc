"""`Bayesian`: KerasTuner's Gaussian process, asked about many points at once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras_tuner as kt
import numpy as np
from sklearn.base import clone
from sklearn.gaussian_process import GaussianProcessRegressor

from kerasblocks.search.oracles.points import (
    is_active,
    point_at,
    seed_for,
    share_of,
)

_CANDIDATES = 1_000
_ROUNDS = 4
_PARENTS = 20
_CHILDREN = 20
# So many of the best candidates are asked about before a random point stands in.
_ASKED = 100


class Bayesian(kt.oracles.BayesianOptimizationOracle):
    """Bayesian optimization: the model and its bound are KerasTuner's.

    A Gaussian process (Matern, nu 2.5) learns the objective, and the point with the
    lowest `mean - beta * deviation` is next. KerasTuner looks for that point by 50
    descents with numeric gradients, which takes seconds and often ends where a trial
    was already; here it is the best of candidates that are points of the space, new
    and within the budget, from which the best ones breed further candidates.

    Args:
        objective: A `keras_tuner.Objective`.
        seed: What the candidates begin from.
        num_initial_points: Random points first; 3 a hyperparameter by default.
        **options: As of `keras_tuner.oracles.BayesianOptimizationOracle`.

    Example:
        >>> goal = kt.Objective("val_loss", "min")
        >>> Bayesian(goal, seed=1, num_initial_points=5).beta
        2.6

    References:
        Srinivas et al., "Gaussian Process Optimization in the Bandit Setting",
        https://arxiv.org/abs/0912.3995
    """

    def __init__(self, objective: Any, seed: int | None = None, **options: Any) -> None:
        super().__init__(objective=objective, seed=seed, **options)
        self.legal: Callable[[dict[str, Any]], bool] = lambda values: True

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        done = [
            trial
            for trial in self.trials.values()
            if trial.status == "COMPLETED" and np.isfinite(trial.score)
        ]
        axes = self.hyperparameters.space
        if len(done) < (self.num_initial_points or max(3, 3 * len(axes))):
            return self._random_populate_space()
        sign = -1 if self.objective.direction == "max" else 1
        x = np.array([self._place(trial) for trial in done])
        y = np.array([sign * trial.score for trial in done])
        model = self.gpr.fit(x, y)
        running = [self._place(trial) for trial in self.ongoing_trials.values()]
        if running:
            model = _expect(model, x, y, np.array(running))
        best = x[np.argsort(y, kind="stable")[:_PARENTS]]
        seed = seed_for(self._seed_state, len(self.trials))
        values = self._search(model, best, seed)
        return {"status": "RUNNING", "values": values}

    def _place(self, trial: Any) -> list[float]:
        """Where a trial lies in the unit cube."""
        return self._inside(trial.hyperparameters.values)

    def _inside(self, values: dict[str, Any]) -> list[float]:
        """Where a point lies in the unit cube, what is inactive at its default."""
        return [
            share_of(
                entry,
                values[entry.name]
                if entry.name in values and is_active(entry, values)
                else entry.default,
            )
            for entry in self.hyperparameters.space
        ]

    def _search(
        self, model: GaussianProcessRegressor, best: np.ndarray, seed: int
    ) -> dict[str, Any]:
        dice = np.random.default_rng(seed)
        found: dict[tuple[Any, ...], tuple[float, list[float], dict[str, Any]]] = {}
        width = best.shape[1]
        fresh = dice.random((_CANDIDATES, width))
        parents = best
        for step in range(_ROUNDS):
            fresh = np.concatenate([fresh, _near(parents, dice, 0.2 / 2**step)])
            points = [point_at(self.hyperparameters.space, row) for row in fresh]
            new = {tuple(point.items()): point for point in points}
            new = {name: new[name] for name in new if name not in found}
            if new:
                places = [self._inside(point) for point in new.values()]
                mean, deviation = model.predict(np.array(places), return_std=True)
                bounds = mean - self.beta * deviation
                for name, bound, place in zip(new, bounds, places, strict=True):
                    found[name] = (float(bound), place, new[name])
            ranked = sorted(found.values(), key=lambda entry: entry[0])
            parents = np.array([place for _, place, _ in ranked[:_PARENTS]])
            fresh = np.empty((0, width))
        for _, _, values in ranked[:_ASKED]:
            if self.legal(values):
                return values
        return ranked[0][2]


def _expect(
    model: GaussianProcessRegressor, x: np.ndarray, y: np.ndarray, running: np.ndarray
) -> GaussianProcessRegressor:
    """Take it that running trials end somewhat badly, to look elsewhere."""
    mean, deviation = model.predict(running, return_std=True)
    more = clone(model).set_params(kernel=model.kernel_, optimizer=None)
    return more.fit(np.concatenate([x, running]), np.append(y, mean + deviation))


def _near(parents: np.ndarray, dice: np.random.Generator, spread: float) -> np.ndarray:
    """Children: some coordinates of a parent moved a little, or drawn anew."""
    children = np.repeat(parents, _CHILDREN, axis=0)
    moved = children + dice.normal(0, spread, children.shape)
    moved = np.where(
        dice.random(children.shape) < 0.2, dice.random(children.shape), moved
    )
    chosen = dice.random(children.shape) < max(0.3, 1 / children.shape[1])
    return np.clip(np.where(chosen, moved, children), 0, 1)
