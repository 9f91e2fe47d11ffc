"""A look into a dataset: shapes, and values to standardize by."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np

_BATCHES = 200


class Peek(NamedTuple):
    """What the first batches of a dataset hold.

    Args:
        x: The inputs of all batches, an array or a dict of arrays; where sizes vary,
            of the first batch alone.
        y: The targets, likewise.
        shapes: The shape of a sample, or a dict of shapes; None where a size varies.
        batches: How many batches there are; None if more than were looked at.
    """

    x: Any
    y: Any
    shapes: Any
    batches: int | None


def is_dataset(x: Any) -> bool:
    """Whether it gives batches, as a `tf.data.Dataset`, `PyDataset`, `DataLoader` do.

    Example:
        >>> is_dataset([1, 2]), is_dataset(np.ones(3))
        (False, False)
    """
    if isinstance(x, keras.utils.PyDataset):
        return True
    plain = isinstance(x, Mapping | list | tuple | str) or hasattr(x, "__array__")
    return not plain and hasattr(x, "__iter__")


def peek(owner: str, argument: str, dataset: Any) -> Peek:
    """Look at up to 200 batches of a dataset.

    Args:
        owner: The function, for error messages.
        argument: The argument that it came by, for error messages.
        dataset: Anything that `model.fit` takes whole.

    Raises:
        ValueError: There is no batch, or a batch is no pair of inputs and targets.
    """
    xs, ys, count = [], [], 0
    for batch in itertools.islice(_batches(dataset), _BATCHES + 1):
        if not isinstance(batch, tuple | list) or len(batch) not in (2, 3):
            raise ValueError(
                f"{owner}: {argument!r} must give batches (x, y) or (x, y, weights), "
                f"got a batch of {type(batch).__name__}"
            )
        count += 1
        if count <= _BATCHES:
            xs.append(_arrays(batch[0]))
            ys.append(_arrays(batch[1]))
    if not xs:
        raise ValueError(f"{owner}: {argument!r} must give batches, got none")
    return Peek(_join(xs), _join(ys), _shapes(xs), count if count <= _BATCHES else None)


def _batches(dataset: Any) -> Iterator[Any]:
    if isinstance(dataset, keras.utils.PyDataset):
        for index in range(dataset.num_batches or _BATCHES + 1):
            yield dataset[index]
    else:
        yield from dataset


def _arrays(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _arrays(part) for name, part in value.items()}
    return np.asarray(keras.ops.convert_to_numpy(value))


def _join(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _join([part[name] for part in parts]) for name in parts[0]}
    same = [part for part in parts if part.shape[1:] == parts[0].shape[1:]]
    return np.concatenate(same)


def _shapes(parts: list[Any]) -> Any:
    if isinstance(parts[0], Mapping):
        return {name: _shapes([part[name] for part in parts]) for name in parts[0]}
    sizes = zip(*(part.shape[1:] for part in parts), strict=True)
    return tuple(size[0] if len(set(size)) == 1 else None for size in sizes)
