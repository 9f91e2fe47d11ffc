"""Metrics that Keras lacks, one a file."""

from kerasblocks.metrics.coverage import Coverage
from kerasblocks.metrics.level_error import LevelError

__all__ = ["Coverage", "LevelError"]
