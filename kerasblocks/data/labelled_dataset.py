"""`LabelledDataset`: the base class of datasets that draw batches by label."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import tree

from kerasblocks.core.arguments import is_positive_int


class LabelledDataset(keras.utils.PyDataset):
    """Batches of samples that are drawn at random by their labels.

    A subclass draws the samples of a batch with `generator`, which depends only on the
    seed, the epoch and the batch. So batches can be made in any order and by any number
    of workers.
    """

    def __init__(self, x: Any, y: Any, seed: int, fresh: bool, **kwargs: Any):
        super().__init__(**kwargs)
        self.x = x
        self.y = _labels(self._owner, y)
        self.seed = seed
        self.fresh = bool(fresh)
        self.epoch = 0
        arrays = tree.flatten(x)
        if not arrays or not all(hasattr(array, "shape") for array in arrays):
            raise ValueError(
                f"{self._owner}: 'x' must be an array, or a dict or list of arrays, "
                f"got {type(x).__name__}"
            )
        for array in arrays:
            if len(array) != len(self.y):
                raise ValueError(
                    f"{self._owner}: 'x' and 'y' must have the same length, got "
                    f"{len(array)} and {len(self.y)}"
                )
        if not is_positive_int(seed) and seed != 0:
            raise ValueError(
                f"{self._owner}: 'seed' must be an int of 0 or more, got {seed!r}"
            )
        # Samples by class: those of class c are order[starts[c]:][:sizes[c]].
        self.names, self.codes = np.unique(self.y, return_inverse=True)
        self.order = np.argsort(self.codes, kind="stable")
        self.sizes = np.bincount(self.codes, minlength=len(self.names))
        self.starts = np.cumsum(self.sizes) - self.sizes
        # The position of each sample within its class.
        self.places = np.empty(len(self.y), int)
        self.places[self.order] = np.arange(len(self.y)) - self.starts.repeat(
            self.sizes
        )
        if len(self.names) < 2:
            raise ValueError(
                f"{self._owner}: 'y' must have two or more classes, got "
                f"{len(self.names)}"
            )

    @property
    def _owner(self) -> str:
        return type(self).__name__

    def generator(self, index: int) -> np.random.Generator:
        """The random numbers of one batch of this epoch."""
        return np.random.default_rng([self.seed, self.epoch, index])

    def take(self, positions: np.ndarray) -> Any:
        """The samples at the given positions, in the structure of `x`."""
        return tree.map_structure(lambda array: array[positions], self.x)

    def check_sizes(self, least: int, advice: str) -> None:
        """Raises if a class has too few samples."""
        small = self.names[self.sizes < least]
        if len(small):
            shown = ", ".join(str(name) for name in small[:5])
            more = f" and {len(small) - 5} more" if len(small) > 5 else ""
            raise ValueError(
                f"{self._owner}: each class in 'y' must have {least} or more samples, "
                f"but these have fewer: {shown}{more}; {advice}"
            )

    def check_index(self, index: int) -> int:
        """The index of a batch, counted from 0 even if it is negative."""
        length = len(self)  # pyright: ignore[reportArgumentType]
        if not -length <= index < length:
            raise IndexError(
                f"{self._owner}: no batch {index}: there are {length} batches"
            )
        return index % length

    def on_epoch_end(self) -> None:
        # Keras also ends an epoch after it has built a new model on one batch.
        if self.fresh:
            self.epoch += 1


def _labels(owner: str, y: Any) -> np.ndarray:
    labels = np.asarray(y)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim != 1:
        hint = "; for one-hot labels, pass their argmax" if labels.ndim == 2 else ""
        raise ValueError(
            f"{owner}: 'y' must have one label for each sample, got an array of shape "
            f"{labels.shape}{hint}"
        )
    return labels
