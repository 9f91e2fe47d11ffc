import re

import numpy as np
import pytest

from kerasblocks.losses import Contrastive, InfoNCE, MultiSimilarity, Triplet


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Triplet("semihard"),
            "Triplet: 'mining' must be one of 'semi-hard', 'hard', 'all', "
            "got 'semihard'; did you mean 'semi-hard'?",
        ),
        (
            lambda: Triplet(distance="cosin"),
            "Triplet: 'distance' must be one of 'euclidean', 'squared_euclidean', "
            "'cosine', got 'cosin'; did you mean 'cosine'?",
        ),
        (
            lambda: Triplet(margin=-1),
            "Triplet: 'margin' must be a positive number, got -1",
        ),
        (
            lambda: Contrastive(margin="1"),
            "Contrastive: 'margin' must be a positive number, got '1'",
        ),
        (
            lambda: InfoNCE(temperature=0),
            "InfoNCE: 'temperature' must be a positive number, got 0",
        ),
        (
            lambda: MultiSimilarity(beta=float("nan")),
            "MultiSimilarity: 'beta' must be a positive number, got nan",
        ),
        (
            lambda: Triplet()(np.zeros((4, 3)), np.zeros((4, 2))),
            "Triplet: the labels must have shape (batch,) or (batch, 1), got (4, 3); "
            "for one-hot labels, pass their argmax",
        ),
        (
            lambda: InfoNCE()(np.zeros(4), np.zeros((4, 2, 2))),
            "InfoNCE: the embeddings must have shape (batch, features), got (4, 2, 2)",
        ),
        (
            lambda: Triplet()(np.zeros(3), np.zeros((4, 2))),
            "Triplet: there must be one label for each embedding, got 3 labels and 4 "
            "embeddings",
        ),
        (
            lambda: Contrastive()(np.zeros(3), np.zeros((3, 2))),
            "Contrastive: the distances must have shape (batch,) or (batch, 1), "
            "got (3, 2)",
        ),
    ],
)
def test_messages(make, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        make()
