"""Metrics that Keras lacks, one a file."""

from kerasblocks.metrics.coverage import Coverage
from kerasblocks.metrics.level_error import LevelError
from kerasblocks.metrics.one_shot_accuracy import OneShotAccuracy, one_shot_accuracy
from kerasblocks.metrics.retrieval_accuracy import RetrievalAccuracy

__all__ = [
    "Coverage",
    "LevelError",
    "OneShotAccuracy",
    "RetrievalAccuracy",
    "one_shot_accuracy",
]
