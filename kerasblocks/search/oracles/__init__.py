"""Oracles, which choose the points of a search.

`Oracle` is what the driver talks to. Behind it are KerasTuner's oracles and Optuna's
samplers, by the names in `ORACLES`.
"""

from kerasblocks.search.oracles.bayesian import Bayesian
from kerasblocks.search.oracles.hyperband import Hyperband
from kerasblocks.search.oracles.oracle import WAIT, Oracle, Suggestion
from kerasblocks.search.oracles.sampled import Sampled
from kerasblocks.search.oracles.table import ORACLES, check

__all__ = [
    "ORACLES",
    "WAIT",
    "Bayesian",
    "Hyperband",
    "Oracle",
    "Sampled",
    "Suggestion",
    "check",
]
