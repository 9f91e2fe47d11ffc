"""`Hyperband`: KerasTuner's, for as many trials as are wanted."""

from __future__ import annotations

from typing import Any

import keras_tuner as kt


class Hyperband(kt.oracles.HyperbandOracle):
    """Hyperband that begins its brackets anew as long as it is asked.

    KerasTuner's ends after one round of brackets, or where its random points repeat,
    even with trials left that should be promoted; how many trials there are is for
    the study to say, and whether a point may be tried for who asks.

    Args:
        objective: A `keras_tuner.Objective`.
        max_epochs: What the last round of a bracket trains.
        seed: Where the random points begin.
        **options: As of `keras_tuner.oracles.HyperbandOracle`.

    Example:
        >>> Hyperband(kt.Objective("val_loss", "min"), max_epochs=9).factor
        3

    References:
        Li et al., "Hyperband: A Novel Bandit-Based Approach to Hyperparameter
        Optimization", JMLR 18, 2018.
    """

    def __init__(
        self,
        objective: Any,
        max_epochs: int = 100,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        options = {"hyperband_iterations": None, **options}
        super().__init__(
            objective=objective, max_epochs=max_epochs, seed=seed, **options
        )

    def _duplicate(self, values: dict[str, Any]) -> bool:
        return False
