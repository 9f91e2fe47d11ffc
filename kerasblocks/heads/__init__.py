"""Several outputs: tasks, the balancing of their losses, and a monitor.

A task says what one head of `kerasblocks.MultiHeadOutput` predicts.
"""

from kerasblocks.heads.balancing import (
    DynamicWeightAverage,
    ScaleNormalization,
    Uncertainty,
)
from kerasblocks.heads.monitor import HeadMonitor
from kerasblocks.heads.task import Task
from kerasblocks.heads.tasks import (
    Binary,
    Count,
    Multiclass,
    Multilabel,
    Ordinal,
    Quantile,
    Regression,
)

__all__ = [
    "Binary",
    "Count",
    "DynamicWeightAverage",
    "HeadMonitor",
    "Multiclass",
    "Multilabel",
    "Ordinal",
    "Quantile",
    "Regression",
    "ScaleNormalization",
    "Task",
    "Uncertainty",
]
