"""Batches of labelled data for models that compare: pairs, and classes together."""

from kerasblocks.data.class_batches import ClassBatches
from kerasblocks.data.pairs import Pairs

__all__ = ["ClassBatches", "Pairs"]
