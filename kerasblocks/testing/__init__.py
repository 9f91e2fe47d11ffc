"""Tests of Keras layers: a contract, and shapes, inputs and configurations to draw."""

from kerasblocks.testing.case import Case, case
from kerasblocks.testing.configs import configs
from kerasblocks.testing.contract import (
    LayerContractError,
    Outcome,
    check_layer,
    run_checks,
)
from kerasblocks.testing.law import Broken, NotApplicable
from kerasblocks.testing.parametrize import parametrize_with_checks
from kerasblocks.testing.shapes import inputs, shapes

__all__ = [
    "Broken",
    "Case",
    "LayerContractError",
    "NotApplicable",
    "Outcome",
    "case",
    "check_layer",
    "configs",
    "inputs",
    "parametrize_with_checks",
    "run_checks",
    "shapes",
]
