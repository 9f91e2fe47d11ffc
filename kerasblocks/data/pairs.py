"""`Pairs`: batches of two samples and whether they are of the same class."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasblocks.core.arguments import positive_int
from kerasblocks.data.labelled import LabelledBatches


class Pairs(LabelledBatches):
    """Random pairs of labelled samples, half of them of the same class.

    A batch is `((left, right), same)`: what a model of two inputs takes, and 1 for
    the same class, 0 for two. The left ones are drawn from all samples, the right
    ones from the others of the same class, or from all of other classes.

    Args:
        x: An array of samples, or a dict or list of arrays: `left` and `right` are
            the same.
        y: The label of each sample, numbers or strings.
        batch_size: The number of pairs in a batch; the last one may be smaller.
        pairs: The number of pairs in an epoch, as many as samples by default.
        seed: The same seed gives the same pairs.
        with_itself: Whether a sample may be its own partner.
        fresh: Whether each epoch draws new pairs. False for validation, where losses
            of epochs are to be compared.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Raises:
        ValueError: an argument is not one of the above, there is one class only, or
            a class of one sample.

    Example:
        >>> images, digits = np.zeros((6, 8, 8, 1)), [0, 0, 1, 1, 2, 2]
        >>> batches = Pairs(images, digits, batch_size=4)
        >>> (left, right), same = batches[0]
        >>> len(batches), left.shape, same.tolist()
        (2, (4, 8, 8, 1), [1.0, 0.0, 1.0, 0.0])
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        batch_size: int = 32,
        pairs: int | None = None,
        seed: int = 0,
        with_itself: bool = False,
        fresh: bool = True,
        **kwargs: Any,
    ):
        super().__init__(x, y, seed, fresh, **kwargs)
        self.batch_size = positive_int(self._owner, "batch_size", batch_size)
        count = len(self.y) if pairs is None else pairs
        self.pairs = positive_int(self._owner, "pairs", count)
        self.with_itself = bool(with_itself)
        if not self.with_itself:
            self.check_sizes(2, "leave it out or pass with_itself=True")

    def __len__(self) -> int:
        return -(-self.pairs // self.batch_size)

    def __getitem__(self, index: int) -> tuple:
        left, right = self.positions(index)
        same = (self.codes[left] == self.codes[right]).astype("float32")
        return (self.take(left), self.take(right)), same

    def positions(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Which samples stand left and right in a batch, as positions in `y`."""
        index = self.check_index(index)
        first = index * self.batch_size
        count = min(self.batch_size, self.pairs - first)
        rng = self.generator(index)
        left = rng.integers(0, len(self.y), count)
        # By the pair's number, so that small batches are half and half together.
        same = (first + np.arange(count)) % 2 == 0
        right = np.where(same, self._of_same(rng, left), self._of_other(rng, left))
        return left, right

    def _of_same(self, rng: np.random.Generator, left: np.ndarray) -> np.ndarray:
        code = self.codes[left]
        if self.with_itself:
            place = rng.integers(0, self.sizes[code])
        else:
            steps = 1 + rng.integers(0, self.sizes[code] - 1)
            place = (self.places[left] + steps) % self.sizes[code]
        return self.order[self.starts[code] + place]

    def _of_other(self, rng: np.random.Generator, left: np.ndarray) -> np.ndarray:
        code = self.codes[left]
        # Counts past the own class, where samples stand by class.
        place = rng.integers(0, len(self.y) - self.sizes[code])
        place += np.where(place < self.starts[code], 0, self.sizes[code])
        return self.order[place]
