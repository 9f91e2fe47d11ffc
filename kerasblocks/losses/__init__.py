"""Losses that Keras lacks, one a file."""

from kerasblocks.losses.contrastive import Contrastive
from kerasblocks.losses.info_nce import InfoNCE
from kerasblocks.losses.multi_similarity import MultiSimilarity
from kerasblocks.losses.pinball import Pinball
from kerasblocks.losses.triplet import Triplet

__all__ = ["Contrastive", "InfoNCE", "MultiSimilarity", "Pinball", "Triplet"]
