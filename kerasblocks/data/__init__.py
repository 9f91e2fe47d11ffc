"""Datasets for models that compare samples: pairs, and batches by class."""

from kerasblocks.data.class_batches import ClassBatches
from kerasblocks.data.pairs import Pairs

__all__ = ["ClassBatches", "Pairs"]
