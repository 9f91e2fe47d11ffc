"""The batches of samples that `gradient_flow` runs."""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from typing import Any

import keras
import numpy as np
from keras import ops, tree

from kerasblocks.core.arguments import positive_int

Batch = tuple[Any, Any, Any]
"""Inputs; targets or None; sample weights or None."""


def make_batches(
    owner: str, x: Any, y: Any, sample_weight: Any, batch_size: int | None
) -> list[Batch]:
    """Cuts arrays into batches, or takes the first batch of a dataset.

    Args:
        owner: The function that asks, for the error message.
        x: Arrays of any structure, or a dataset of batches.
        y: Arrays of any structure, or None.
        sample_weight: Arrays of any structure, or None.
        batch_size: None for all samples at once.

    Raises:
        ValueError: arrays differ in their number of samples or have none; or a dataset
            is empty, or is passed with targets, sample weights or a batch size.

    Example:
        >>> batches = make_batches("f", np.ones((5, 2)), [0, 1, 0, 1, 0], None, 2)
        >>> [y.tolist() for x, y, sample_weight in batches]
        [[0, 1], [0, 1], [0]]
    """
    if _is_dataset(x):
        for name, value in {
            "y": y,
            "sample_weight": sample_weight,
            "batch_size": batch_size,
        }.items():
            if value is not None:
                raise ValueError(
                    f"{owner}: '{name}' must be None with a dataset, which has its own"
                )
        return [_arrays(keras.utils.unpack_x_y_sample_weight(_first(owner, x)))]
    whole = _arrays((x, y, sample_weight))
    shapes = [tuple(array.shape) for array in tree.flatten(whole) if array is not None]
    if not shapes or whole[0] is None or not tree.flatten(whole[0]):
        raise ValueError(f"{owner}: 'x' must be arrays or a dataset, got {x!r}")
    if any(shape[:1] != shapes[0][:1] for shape in shapes) or () in shapes:
        raise ValueError(
            f"{owner}: 'x', 'y' and 'sample_weight' must have the same number of "
            f"samples, got arrays of the shapes {', '.join(map(str, shapes))}"
        )
    if shapes[0][0] == 0:
        raise ValueError(
            f"{owner}: 'x' must have at least one sample, got shape {shapes[0]}"
        )
    if batch_size is None:
        return [whole]
    size = positive_int(owner, "batch_size", batch_size)
    return [
        tree.map_structure(
            lambda array, start=start: (
                None if array is None else array[start : start + size]
            ),
            whole,
        )
        for start in range(0, shapes[0][0], size)
    ]


def count_samples(batch: Batch) -> int:
    """How many samples a batch has."""
    return int(next(a.shape[0] for a in tree.flatten(batch[0]) if a is not None))


def _is_dataset(x: Any) -> bool:
    return not hasattr(x, "shape") and not isinstance(x, Mapping | list | tuple)


def _first(owner: str, dataset: Any) -> Any:
    if isinstance(dataset, keras.utils.PyDataset):
        return dataset[0]
    try:
        return next(iter(dataset))
    except (TypeError, StopIteration):
        raise ValueError(
            f"{owner}: 'x' must be arrays or a dataset with a batch, got {dataset!r}"
        ) from None


def _arrays(structure: Any) -> Any:
    """The structure with arrays or tensors of the backend at its leaves."""
    if isinstance(structure, Mapping):
        return {name: _arrays(value) for name, value in structure.items()}
    if isinstance(structure, list | tuple):
        if structure and all(
            isinstance(leaf, numbers.Real) for leaf in tree.flatten(structure)
        ):
            return np.asarray(structure)
        return type(structure)(_arrays(value) for value in structure)
    if structure is None or ops.is_tensor(structure):
        return structure
    return np.asarray(structure)
