"""`one_shot_accuracy`: one-shot accuracy over all episodes of a test set."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasblocks.core.arguments import one_of
from kerasblocks.metrics.one_shot import check_ways


def one_shot_accuracy(
    embeddings: Any, labels: Any, ways: int = 5, distance: str = "euclidean"
) -> float:
    """The share of one-shot episodes of a whole test set that come out right.

    It is what `OneShotAccuracy` is for a batch: the exact mean over all episodes, in
    which a tie is not right. Chance is `1 / ways`. On raw pixels it says what an
    encoder must beat.

    Args:
        embeddings: An array `(samples, ...)`, each sample taken as one vector.
        labels: The class of each sample.
        ways: The number of classes in an episode.
        distance: "euclidean" or "cosine".

    Returns:
        A number from 0 to 1.

    Raises:
        ValueError: an argument is not one of the above, there are fewer classes than
            `ways`, or no class has two samples.

    Example:
        >>> one_shot_accuracy([[0.0], [1.0], [3.0], [9.0]], [1, 1, 2, 2], ways=2)
        0.75
    """
    owner = "one_shot_accuracy"
    draws = check_ways(owner, ways) - 1
    one_of(owner, "distance", distance, ("euclidean", "cosine"))
    vectors = np.asarray(embeddings, "float64")
    vectors = vectors.reshape(len(vectors), -1)
    names, codes = np.unique(np.ravel(labels), return_inverse=True)
    if len(codes) != len(vectors):
        raise ValueError(
            f"{owner}: there must be a label for each embedding, got {len(codes)} "
            f"labels and {len(vectors)} embeddings"
        )
    if len(names) < ways:
        raise ValueError(
            f"{owner}: {ways} 'ways' need as many classes, got {len(names)}"
        )
    sizes = np.bincount(codes)
    if sizes.max() < 2:
        raise ValueError(f"{owner}: no class has two samples")
    if distance == "cosine":
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(lengths == 0, 1, lengths)
    scores = [
        _score(vectors, codes, sizes, query, draws)
        for query in np.flatnonzero(sizes[codes] > 1)
    ]
    return float(np.mean(scores))


def _score(
    vectors: np.ndarray, codes: np.ndarray, sizes: np.ndarray, query: Any, draws: int
) -> float:
    """The share of the episodes of one query that come out right."""
    distances = np.square(vectors - vectors[query]).sum(axis=1)
    positive = codes == codes[query]
    positive[query] = False
    to_positives = np.sort(distances[positive])
    # A sample is beyond as many of the positives as this; by class, then summed up.
    passed = np.searchsorted(to_positives, distances)
    counts = np.zeros((len(to_positives) + 1, len(sizes)))
    np.add.at(counts, (passed, codes), 1)
    beyond = np.cumsum(counts[::-1], axis=0)[::-1][1:]
    shares = np.delete(beyond / sizes, codes[query], axis=1)
    # The chance of a choice of classes by its last one, as in OneShotAccuracy.
    chances = shares / shares.shape[1]
    for draw in range(2, draws + 1):
        before = np.cumsum(chances, axis=1) - chances
        chances = shares * before * draw / (shares.shape[1] - draw + 1)
    return float(chances.sum(axis=1).mean())
