"""`Pairs`: batches of pairs of samples, and whether their class is the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasblocks.core.arguments import positive_int
from kerasblocks.data.labelled_dataset import LabelledDataset


class Pairs(LabelledDataset):
    """Random pairs of labelled samples, half of them of the same class.

    A batch is `((left, right), same)`: the inputs of a model with two inputs, and 1 for
    pairs of the same class or 0 for different classes. The left sample is drawn from
    all samples. The right one is drawn from the other samples of its class, or from all
    samples of other classes.

    Args:
        x: An array of samples, or a dict or list of arrays. `left` and `right` have
            the same structure.
        y: The label of each sample, numbers or strings.
        batch_size: The number of pairs in a batch; the last one may be smaller.
        pairs: The number of pairs in an epoch; by default, the number of samples.
        seed: The same seed draws the same pairs.
        with_itself: Whether a sample may be paired with itself.
        fresh: Whether each epoch draws new pairs. Use False for validation, so that the
            losses of different epochs can be compared.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Raises:
        ValueError: an argument is not one of the above, there is only one class, or a
            class has only one sample.

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
            self.check_sizes(2, "leave them out or pass with_itself=True")

    def __len__(self) -> int:
        return -(-self.pairs // self.batch_size)

    def __getitem__(self, index: int) -> tuple:
        left, right = self.positions(index)
        same = (self.codes[left] == self.codes[right]).astype("float32")
        return (self.take(left), self.take(right)), same

    def positions(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """The left and right samples of a batch, as positions in `y`."""
        index = self.check_index(index)
        first = index * self.batch_size
        count = min(self.batch_size, self.pairs - first)
        rng = self.generator(index)
        left = rng.integers(0, len(self.y), count)
        # By the number of the pair, so that small batches are half and half overall.
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
        # In the order by class, positions from the own class on are moved behind it.
        place = rng.integers(0, len(self.y) - self.sizes[code])
        place += np.where(place < self.starts[code], 0, self.sizes[code])
        return self.order[place]
