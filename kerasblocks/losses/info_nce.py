"""`InfoNCE`: the cross entropy of finding the samples of one label in a batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_number
from kerasblocks.distances import similarities
from kerasblocks.losses.embedding_loss import EmbeddingLoss, mean_over

_NEVER = -1e30  # a finite logit for samples that cannot be chosen


@keras.saving.register_keras_serializable(package="kerasblocks")
class InfoNCE(EmbeddingLoss):
    """The cross entropy of finding a positive among all other samples by its cosine.

    The logits of an anchor are its cosines to all other samples, divided by the
    temperature. Its loss is the mean of `-log softmax` over the samples of its label.
    With two samples of each label, such as two views of an image, this is van den
    Oord's InfoNCE as in SimCLR. With more it is the supervised contrastive loss of
    Khosla et al.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`, of any length.
    The loss has one value for each anchor, scaled so that their mean over the batch
    is the mean over the anchors that have a positive.

    Args:
        temperature: The divisor of the cosines.
        **kwargs: `name`, `reduction`, `dtype` of the loss.

    Raises:
        ValueError: `temperature` is not a positive number, or a shape does not fit.

    Example:
        >>> labels, embeddings = [1, 1, 2], [[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]]
        >>> f"{float(InfoNCE()(labels, embeddings)):.3f}"  # log(2): one of two
        '0.693'

    References:
        van den Oord, Li and Vinyals, Representation Learning with Contrastive
        Predictive Coding, arXiv 1807.03748, 2018.
        Khosla et al., Supervised Contrastive Learning, NeurIPS 2020.
    """

    def __init__(self, temperature: float = 0.1, **kwargs: Any):
        super().__init__(**kwargs)
        self.temperature = positive_number("InfoNCE", "temperature", temperature)

    def anchor_losses(self, embeddings: Any, positive: Any, negative: Any) -> Any:
        logits = similarities(embeddings) / self.temperature
        other = ops.logical_or(positive, negative)
        total = ops.logsumexp(ops.where(other, logits, _NEVER), axis=1, keepdims=True)
        losses = ops.sum(ops.where(positive, total - logits, 0.0), axis=1)
        count = ops.sum(ops.cast(positive, losses.dtype), axis=1)
        return mean_over(count > 0, losses / ops.maximum(count, 1.0))
