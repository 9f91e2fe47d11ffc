"""`OneShotAccuracy`: telling a class by a single sample of it."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops

from kerasblocks.core.arguments import is_positive_int
from kerasblocks.metrics.labelled import LabelledMetric


def check_ways(owner: str, ways: Any) -> int:
    """Returns `ways` as an int if it is one of 2 or more, else raises."""
    if is_positive_int(ways) and ways > 1:
        return int(ways)
    raise ValueError(f"{owner}: 'ways' must be an int of 2 or more, got {ways!r}")


@keras.saving.register_keras_serializable(package="kerasblocks")
class OneShotAccuracy(LabelledMetric):
    """How often a sample is nearest to that of its own class, of one from each class.

    In an episode a sample is compared with another of its class and one each of
    `ways - 1` other classes. The metric is the exact mean over all episodes within
    the batch: other classes are as likely as each other, and so are the samples of
    a class. Nothing is drawn, and a tie is not right: an encoder that gives the same
    embedding for all has 0.

    A sample counts where its batch has another of its class and enough others.
    Without any such sample the metric is NaN. A test set larger than a batch can be
    measured as a whole by `kerasblocks.metrics.one_shot_accuracy`.

    Shape of the labels: `(batch,)` or `(batch, 1)`.
    Shape of the embeddings: `(batch, features)`.

    Args:
        ways: The number of classes in an episode.
        distance: "euclidean", "squared_euclidean", or "cosine" (1 less the cosine).
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
        self.ways = check_ways("OneShotAccuracy", ways)

    def scores(self, distances: Any, positive: Any, negative: Any) -> tuple[Any, Any]:
        dtype = distances.dtype
        same = ops.logical_not(negative)
        # A class stands in the column of its first sample.
        first = ops.argmax(same, axis=1) == ops.arange(ops.shape(same)[0])
        members = ops.cast(ops.logical_and(same, first), dtype)
        sizes = ops.maximum(ops.sum(members, axis=0), 1.0)
        other_classes = ops.sum(ops.cast(first, dtype)) - 1.0

        def score(row: Any) -> Any:
            """Of one sample: it keeps memory at `batch**2`."""
            distances, positive, negative = row
            beyond = distances[None, :] > distances[:, None]
            beyond = ops.matmul(ops.cast(beyond, dtype), members)
            shares = ops.cast(negative, dtype) * beyond / sizes
            right = _all_beyond(shares, self.ways - 1, other_classes)
            positive = ops.cast(positive, dtype)
            return ops.sum(right * positive) / ops.maximum(ops.sum(positive), 1.0)

        enough = other_classes >= self.ways - 1
        counts = ops.logical_and(ops.any(positive, axis=1), enough)
        return ops.map(score, (distances, positive, negative)), counts


def _all_beyond(shares: Any, draws: int, classes: Any) -> Any:
    """The chance that one sample each of some classes, drawn at random, is beyond.

    It is the mean of the products over all choices of classes: an elementary symmetric
    polynomial over a binomial coefficient, which is divided out step by step so that
    all numbers stay between 0 and 1.

    Args:
        shares: The share of each class that is beyond, `(..., columns)`; 0 in columns
            of no class.
        draws: How many classes are drawn.
        classes: How many there are.
    """
    # Of the choices so far, by their last class.
    chances = shares / ops.maximum(classes, 1.0)
    for draw in range(2, draws + 1):
        before = ops.cumsum(chances, axis=-1) - chances
        chances = shares * before * (draw / ops.maximum(classes - draw + 1.0, 1.0))
    return ops.sum(chances, axis=-1)
