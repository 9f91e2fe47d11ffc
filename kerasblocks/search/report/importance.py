"""How much of the scores' variance each hyperparameter makes: functional ANOVA.

A random forest learns the score from the hyperparameters. Each of its trees cuts the
space into boxes, over which the means that functional ANOVA asks for are exact sums:
no sampling. A parameter's share is the variance of the forest's mean over all the
others; a pair's share is what their joint mean varies beyond the two alone.

Hutter, Hoos and Leyton-Brown, "An Efficient Approach for Assessing Hyperparameter
Importance", ICML 2014.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from kerasblocks.search.report.space import Parameter, parameters
from kerasblocks.search.trial import COMPLETED, Trial

LEAST_TRIALS = 10
_TREES = 100
_PAIRED = 8


@dataclass(frozen=True)
class Importance:
    """Shares of the scores' variance, and how far they are to be trusted.

    Args:
        shares: Each parameter's own share, 0 to 1, the greatest first.
        pairs: The share of two parameters' interaction, the greatest first; of
            those parameters that matter most by themselves or in the trees' cuts.
        trials: How many scores the forest learned from.
        r2: How much of the variance of scores that a tree had not seen the forest
            explains: 1 is all; 0 or less is none.
        doubt: Why there are no shares, or why they are rough; None where they are
            sound.
    """

    shares: dict[str, float] = field(default_factory=dict)
    pairs: dict[tuple[str, str], float] = field(default_factory=dict)
    trials: int = 0
    r2: float | None = None
    doubt: str | None = None


def importance(trials: Sequence[Trial], *, higher_is_better: bool) -> Importance:
    """Estimate which hyperparameters the score depends on.

    Only completed trials count. Where a parameter was not active, it gets a value
    drawn from the trials where it was, and so comes out as what it is there: without
    effect. Scores far beyond the worst quarter (Tukey's far fence) are moved to that
    fence, or one diverged trial would be all the variance.

    Args:
        trials: Any trials.
        higher_is_better: The objective's direction.

    Returns:
        The shares; none, and why, where they cannot be told.

    Example:
        >>> importance([], higher_is_better=True).doubt
        'needs 10 completed trials, and there are 0'
    """
    done = [t for t in trials if t.status == COMPLETED and t.score is not None]
    axes = parameters(done)
    if len(done) < LEAST_TRIALS:
        need = f"needs {LEAST_TRIALS} completed trials, and there are {len(done)}"
        return Importance(trials=len(done), doubt=need)
    scores = fenced(np.array([t.score for t in done], float), higher_is_better)
    if not axes or np.ptp(scores) == 0:
        what = "hyperparameters" if not axes else "scores"
        return Importance(trials=len(done), doubt=f"the {what} are all the same")
    forest = _forest(_encoded(done, axes), scores)
    r2 = float(forest.oob_score_)
    if r2 <= 0:
        doubt = (
            "a random forest predicts trials that it has not seen no better than "
            f"their mean does (R² {r2:.2f}): the trials are too few, or the scores "
            "mostly chance"
        )
        return Importance(trials=len(done), r2=r2, doubt=doubt)
    shares, pairs = _anova(forest, axes)
    doubt = None if r2 >= 0.5 else "take the order as a hint"
    return Importance(shares, pairs, len(done), r2, doubt)


def fenced(scores: np.ndarray, higher_is_better: bool) -> np.ndarray:
    """Move scores that are far worse than the worst quarter to Tukey's far fence.

    Example:
        >>> fenced(np.array([1.0, 2.0, 3.0, 4.0, 1e9]), higher_is_better=False)
        array([ 1.,  2.,  3.,  4., 10.])
    """
    low, high = np.percentile(scores, [25, 75])
    if high == low:
        return scores
    if higher_is_better:
        return np.maximum(scores, low - 3 * (high - low))
    return np.minimum(scores, high + 3 * (high - low))


def _encoded(trials: Sequence[Trial], axes: Sequence[Parameter]) -> np.ndarray:
    chance = np.random.default_rng(0)
    columns = []
    for axis in axes:
        active = np.array([axis.name in trial.values for trial in trials])
        places = [
            axis.place(t.values[axis.name]) for t in trials if axis.name in t.values
        ]
        column = chance.choice(places, len(trials))
        column[active] = places
        columns.append(column)
    return np.stack(columns, axis=1)


def _forest(x: np.ndarray, y: np.ndarray) -> Any:
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(_TREES, oob_score=True, random_state=0, n_jobs=1)
    return forest.fit(x, y)


def _anova(
    forest: Any, axes: Sequence[Parameter]
) -> tuple[dict[str, float], dict[tuple[str, str], float]]:
    grids = [axis.grid() for axis in axes]
    trees = [_Tree(tree.tree_, grids) for tree in forest.estimators_]
    trees = [tree for tree in trees if tree.variance > 0]
    if not trees:
        return {}, {}
    singles = np.mean([tree.singles() for tree in trees], axis=0)
    # A parameter that acts only through another has no share of its own, but the
    # trees cut by it.
    promise = np.maximum(singles, forest.feature_importances_)
    chosen = sorted(np.argsort(-promise, kind="stable")[:_PAIRED])
    couples = list(itertools.combinations(chosen, 2))
    joint = np.mean([[tree.pair(i, j) for i, j in couples] for tree in trees], axis=0)
    names = [axis.name for axis in axes]
    shares = {names[i]: float(singles[i]) for i in np.argsort(-singles, kind="stable")}
    pairs = {
        (names[i], names[j]): max(float(share), 0.0)
        for (i, j), share in sorted(
            zip(couples, joint, strict=True), key=lambda one: -one[1]
        )
    }
    return shares, pairs


class _Tree:
    """One tree as boxes: for each leaf, which points of each axis lie in it."""

    def __init__(self, tree: Any, grids: Sequence[np.ndarray]) -> None:
        low = np.full((tree.node_count, len(grids)), -np.inf)
        high = np.full((tree.node_count, len(grids)), np.inf)
        # Children stand after their parents.
        for node in range(tree.node_count):
            left, right = tree.children_left[node], tree.children_right[node]
            if left < 0:
                continue
            for child in (left, right):
                low[child], high[child] = low[node], high[node]
            axis, threshold = tree.feature[node], tree.threshold[node]
            high[left, axis] = low[right, axis] = threshold
        leaves = np.flatnonzero(tree.children_left < 0)
        values = tree.value[leaves, 0, 0]
        self._inside = [
            (grid[:, None] > low[leaves, axis]) & (grid[:, None] <= high[leaves, axis])
            for axis, grid in enumerate(grids)
        ]
        self._widths = np.array([inside.mean(0) for inside in self._inside])
        self._volume = self._widths.prod(0)
        # A leaf of no width on an axis has no point in it there either.
        self._divisors = np.where(self._widths > 0, self._widths, 1.0)
        self._mass = (values - values @ self._volume) * self._volume
        self.variance = float(self._mass @ (values - values @ self._volume))

    def singles(self) -> np.ndarray:
        """Each axis' share of the variance."""
        self._means = [
            inside @ (self._mass / divisor)
            for inside, divisor in zip(self._inside, self._divisors, strict=True)
        ]
        self._singles = np.array([np.mean(mean**2) for mean in self._means])
        return self._singles / self.variance

    def pair(self, i: int, j: int) -> float:
        """The share of two axes beyond their own."""
        weight = self._mass / (self._divisors[i] * self._divisors[j])
        joint = (self._inside[i] * weight) @ self._inside[j].T
        both = np.mean(joint**2) - self._singles[i] - self._singles[j]
        return float(both / self.variance)
