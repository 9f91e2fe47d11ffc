"""All pairs of a faulty layer and its right twin."""

from tests.testing.layers import faulty_config, faulty_shapes, faulty_training
from tests.testing.layers.pair import Pair

PAIRS: list[Pair] = [
    *faulty_shapes.PAIRS,
    *faulty_config.PAIRS,
    *faulty_training.PAIRS,
]

__all__ = ["PAIRS", "Pair"]
