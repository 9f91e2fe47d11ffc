"""All pairs of a faulty layer and its right twin."""

from tests.testing.layers import (
    faulty_arguments,
    faulty_calls,
    faulty_config,
    faulty_dtypes,
    faulty_inputs,
    faulty_masks,
    faulty_moves,
    faulty_shapes,
    faulty_state,
    faulty_training,
)
from tests.testing.layers.pair import Pair

PAIRS: list[Pair] = [
    *faulty_shapes.PAIRS,
    *faulty_config.PAIRS,
    *faulty_state.PAIRS,
    *faulty_moves.PAIRS,
    *faulty_training.PAIRS,
    *faulty_dtypes.PAIRS,
    *faulty_masks.PAIRS,
    *faulty_inputs.PAIRS,
    *faulty_calls.PAIRS,
    *faulty_arguments.PAIRS,
]

__all__ = ["PAIRS", "Pair"]
