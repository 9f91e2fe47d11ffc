"""`InfoNCE`: each sample picks those of its label out of the batch."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import positive_number
from kerasblocks.distances import similarities
from kerasblocks.losses.labelled import LabelledLoss, mean_over

_NEVER = -1e30  # A logit that is finite, for what cannot be picked.


@keras.saving.register_keras_serializable(package="kerasblocks")
class InfoNCE(LabelledLoss):
    """The cross entropy of finding a positive among all others by its cosine.

    An anchor's logits are its cosines to all other samples over the temperature; its
    loss is the mean of `-log softmax` over those of its label. With two samples of
    each label, as two views of an image, it is van den Oord's InfoNCE as SimCLR uses
    it; with more it is the supervised contrastive loss of Khosla et al.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`, of any length.
    The loss has one value for each anchor, scaled so that their mean over the batch
    is the mean over the anchors that have a positive.

    Args:
        temperature: What the cosines are divided by.
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
