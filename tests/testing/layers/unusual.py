"""All right layers with something unusual about them."""

from tests.testing.layers import (
    unusual_bases,
    unusual_dtypes,
    unusual_sizes,
    unusual_structures,
    unusual_training,
    unusual_weights,
)
from tests.testing.layers.case import Unusual

UNUSUAL: list[Unusual] = [
    *unusual_sizes.CASES,
    *unusual_dtypes.CASES,
    *unusual_training.CASES,
    *unusual_weights.CASES,
    *unusual_bases.CASES,
    *unusual_structures.CASES,
]

__all__ = ["UNUSUAL", "Unusual"]
