"""`ClassBatches`: batches with the same number of samples from each class."""

from __future__ import annotations

from typing import Any

import numpy as np

from kerasblocks.core.arguments import positive_int
from kerasblocks.data.labelled_dataset import LabelledDataset


class ClassBatches(LabelledDataset):
    """Batches of `classes` times `samples`, for losses that compare within a batch.

    A batch is `(x, y)`. Its classes and their samples are drawn at random, without
    repetition. Labels that are strings become indices into the sorted `.names`.

    Args:
        x: An array of samples, or a dict or list of arrays.
        y: The label of each sample.
        classes: The number of classes in a batch.
        samples: The number of samples of each.
        batches: The number of batches in an epoch; by default, an epoch has at most as
            many samples as `y`, and at least one batch.
        seed: The same seed draws the same batches.
        fresh: Whether each epoch draws new batches. Use False for validation.
        **kwargs: `workers`, `use_multiprocessing`, `max_queue_size` of
            `keras.utils.PyDataset`.

    Raises:
        ValueError: an argument is not one of the above, or there are too few classes or
            too few samples of a class.

    Example:
        >>> images, digits = np.zeros((9, 8, 8, 1)), [0, 0, 0, 1, 1, 1, 2, 2, 2]
        >>> x, y = ClassBatches(images, digits, classes=2, samples=2)[0]
        >>> x.shape, len(set(y.tolist()))
        ((4, 8, 8, 1), 2)

    Reference: Hermans, Beyer and Leibe, In Defense of the Triplet Loss for Person
    Re-Identification, arXiv 1703.07737, 2017.
    """

    def __init__(
        self,
        x: Any,
        y: Any,
        classes: int = 8,
        samples: int = 4,
        batches: int | None = None,
        seed: int = 0,
        fresh: bool = True,
        **kwargs: Any,
    ):
        super().__init__(x, y, seed, fresh, **kwargs)
        self.classes = positive_int(self._owner, "classes", classes)
        self.samples = positive_int(self._owner, "samples", samples)
        if self.classes > len(self.names):
            raise ValueError(
                f"{self._owner}: 'classes' must be at most the {len(self.names)} "
                f"classes in 'y', got {classes}"
            )
        self.check_sizes(self.samples, "leave them out or take fewer 'samples'")
        count = len(self.y) // (self.classes * self.samples)
        given = max(1, count) if batches is None else batches
        self.batches = positive_int(self._owner, "batches", given)

    def __len__(self) -> int:
        return self.batches

    def __getitem__(self, index: int) -> tuple:
        positions = self.positions(index)
        numbers = np.issubdtype(self.y.dtype, np.number)
        labels = self.y if numbers else self.codes
        return self.take(positions), labels[positions]

    def positions(self, index: int) -> np.ndarray:
        """The samples of a batch, class by class, as positions in `y`."""
        rng = self.generator(self.check_index(index))
        drawn = rng.choice(len(self.names), self.classes, replace=False)
        return np.concatenate(
            [
                self.order[self.starts[code] :][
                    rng.choice(self.sizes[code], self.samples, replace=False)
                ]
                for code in drawn
            ]
        )
