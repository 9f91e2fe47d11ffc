"""One-shot accuracy: `OneShotAccuracy` in a batch, `one_shot_accuracy` in a set."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import ops

from kerasblocks.core.arguments import is_positive_int, one_of
from kerasblocks.metrics.embedding_metric import EmbeddingMetric


@keras.saving.register_keras_serializable(package="kerasblocks")
class OneShotAccuracy(EmbeddingMetric):
    """How often a sample is nearest to its own class, given one sample of each class.

    In an episode, a sample is compared with another sample of its class and with one
    sample each of `ways - 1` other classes. The metric is the exact mean over all
    episodes within the batch: all choices of classes and of their samples are equally
    likely, and none is drawn at random. A tie counts as wrong, so that an encoder that
    maps all samples to the same embedding has an accuracy of 0.

    A sample counts if its batch has another sample of its class and enough other
    classes. The metric is NaN until a sample counts. For a test set that is larger than
    a batch, use `kerasblocks.metrics.one_shot_accuracy`.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`.

    Args:
        ways: The number of classes in an episode.
        distance: "euclidean", "squared_euclidean", or "cosine" (1 minus the cosine).
        name: The name of the metric.
        dtype: Its dtype.

    Raises:
        ValueError: an argument is not one of the above, or a shape does not fit.

    Example:
        >>> metric = OneShotAccuracy(ways=2)
        >>> f"{float(metric([1, 1, 2, 2], [[0.0], [1.0], [3.0], [9.0]])):.3f}"
        '0.750'

    Reference: Lake et al., One shot learning of simple visual concepts, CogSci 2011.
    """

    def __init__(
        self,
        ways: int = 5,
        distance: str = "euclidean",
        name: str = "one_shot_accuracy",
        dtype: Any = None,
    ):
        super().__init__(distance, name=name, dtype=dtype)
        self.ways = _check_ways("OneShotAccuracy", ways)

    def scores(self, distances: Any, positive: Any, negative: Any) -> tuple[Any, Any]:
        dtype = distances.dtype
        same = ops.logical_not(negative)
        # The column of a class is that of its first sample.
        first = ops.argmax(same, axis=1) == ops.arange(ops.shape(same)[0])
        members = ops.cast(ops.logical_and(same, first), dtype)
        sizes = ops.maximum(ops.sum(members, axis=0), 1.0)
        other_classes = ops.sum(ops.cast(first, dtype)) - 1.0

        def score(row: Any) -> Any:
            """The score of one sample. One at a time takes memory for `batch**2`."""
            distances, positive, negative = row
            beyond = distances[None, :] > distances[:, None]
            beyond = ops.matmul(ops.cast(beyond, dtype), members)
            shares = ops.cast(negative, dtype) * beyond / sizes
            right = _all_beyond(ops, shares, self.ways - 1, other_classes)
            positive = ops.cast(positive, dtype)
            return ops.sum(right * positive) / ops.maximum(ops.sum(positive), 1.0)

        enough = other_classes >= self.ways - 1
        counts = ops.logical_and(ops.any(positive, axis=1), enough)
        return ops.map(score, (distances, positive, negative)), counts


def one_shot_accuracy(
    embeddings: Any, labels: Any, ways: int = 5, distance: str = "euclidean"
) -> float:
    """The one-shot accuracy over all episodes of a whole test set.

    This is what `OneShotAccuracy` computes for a batch: the exact mean over all
    episodes, where a tie counts as wrong. Guessing has an accuracy of `1 / ways`. The
    accuracy on raw pixels is what an encoder must exceed.

    Args:
        embeddings: An array `(samples, ...)`. Each sample is flattened to a vector.
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
    draws = _check_ways(owner, ways) - 1
    one_of(owner, "distance", distance, ("euclidean", "cosine"))
    vectors = np.asarray(embeddings, "float64")
    vectors = vectors.reshape(len(vectors), -1)
    names, codes = np.unique(np.ravel(labels), return_inverse=True)
    if len(codes) != len(vectors):
        raise ValueError(
            f"{owner}: there must be one label for each embedding, got {len(codes)} "
            f"labels and {len(vectors)} embeddings"
        )
    if len(names) < ways:
        raise ValueError(
            f"{owner}: 'ways' must be at most the number of classes, {len(names)}, "
            f"got {ways}"
        )
    sizes = np.bincount(codes)
    if sizes.max() < 2:
        raise ValueError(f"{owner}: no class in 'labels' has two samples")
    if distance == "cosine":
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        vectors = vectors / np.where(lengths == 0, 1, lengths)
    scores = [
        _score(vectors, codes, sizes, query, draws)
        for query in np.flatnonzero(sizes[codes] > 1)
    ]
    return float(np.mean(scores))


def _check_ways(owner: str, ways: Any) -> int:
    """Returns `ways` as an int if it is an int of 2 or more, else raises."""
    if is_positive_int(ways) and ways > 1:
        return int(ways)
    raise ValueError(f"{owner}: 'ways' must be an int of 2 or more, got {ways!r}")


def _score(
    vectors: np.ndarray, codes: np.ndarray, sizes: np.ndarray, query: Any, draws: int
) -> float:
    """The share of the episodes of one sample that are right."""
    distances = np.square(vectors - vectors[query]).sum(axis=1)
    positive = codes == codes[query]
    positive[query] = False
    to_positives = np.sort(distances[positive])
    # For each sample, how many of the positives are nearer; counted by class.
    passed = np.searchsorted(to_positives, distances)
    counts = np.zeros((len(to_positives) + 1, len(sizes)))
    np.add.at(counts, (passed, codes), 1)
    beyond = np.cumsum(counts[::-1], axis=0)[::-1][1:]
    shares = np.delete(beyond / sizes, codes[query], axis=1)
    return float(_all_beyond(np, shares, draws, shares.shape[1]).mean())


def _all_beyond(numpy: Any, shares: Any, draws: int, classes: Any) -> Any:
    """The chance that one sample each of some random classes are all beyond a positive.

    This is the mean over all choices of classes of the product of their shares: an
    elementary symmetric polynomial divided by a binomial coefficient. It is divided
    step by step, so that all numbers stay between 0 and 1.

    Args:
        numpy: `keras.ops`, or NumPy for float64 on every backend.
        shares: The share of each class that is beyond the positive, `(..., columns)`;
            0 in columns that are no class.
        draws: The number of classes that are drawn.
        classes: The number of classes to draw from.
    """
    # The chance of the choices so far, by their last class.
    chances = shares / numpy.maximum(classes, 1.0)
    for draw in range(2, draws + 1):
        before = numpy.cumsum(chances, axis=-1) - chances
        left = numpy.maximum(classes - draw + 1.0, 1.0)
        chances = shares * before * (draw / left)
    return numpy.sum(chances, axis=-1)
