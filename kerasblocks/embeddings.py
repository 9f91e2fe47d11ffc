"""Comparing the embeddings of a batch by their labels."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


def check_embeddings(owner: str, labels: Any, embeddings: Any) -> None:
    """Raises unless there is one label for each embedding.

    Args:
        owner: The class that asks, for the error message.
        labels: A tensor that should have shape `(batch,)` or `(batch, 1)`.
        embeddings: A tensor that should have shape `(batch, features)`.

    Raises:
        ValueError: a shape is a different one.
    """
    shape, of_labels = tuple(embeddings.shape), tuple(labels.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{owner}: the embeddings must have shape (batch, features), got {shape}"
        )
    if len(of_labels) not in (1, 2) or of_labels[1:] not in ((), (1,)):
        hint = "; for one-hot labels, pass their argmax" if len(of_labels) == 2 else ""
        raise ValueError(
            f"{owner}: the labels must have shape (batch,) or (batch, 1), "
            f"got {of_labels}{hint}"
        )
    if None not in (shape[0], of_labels[0]) and shape[0] != of_labels[0]:
        raise ValueError(
            f"{owner}: there must be one label for each embedding, got {of_labels[0]} "
            f"labels and {shape[0]} embeddings"
        )


def compare(labels: Any, embeddings: Any) -> tuple[Any, Any, Any]:
    """The embeddings, and which pairs of samples have the same label.

    Args:
        labels: `(batch,)` or `(batch, 1)`.
        embeddings: `(batch, features)`.

    Returns:
        The embeddings, in float32 if they were narrower; which pairs of two samples
        have the same label; which pairs have different labels. The last two are
        booleans, `(batch, batch)`.
    """
    same = _same_label(labels)
    position = ops.arange(ops.shape(same)[0])
    two = ops.expand_dims(position, 1) != ops.expand_dims(position, 0)
    wide = keras.backend.result_type(embeddings.dtype, "float32")
    return (
        ops.cast(embeddings, wide),
        ops.logical_and(same, two),
        ops.logical_not(same),
    )


def first_of_label(labels: Any) -> Any:
    """The position of the first sample with the same label, `(batch,)`.

    Example:
        >>> labels = ops.array([70, 50, 70])
        >>> ops.convert_to_numpy(first_of_label(labels)).tolist()
        [0, 1, 0]
    """
    return ops.argmax(_same_label(labels), axis=1)


def _same_label(labels: Any) -> Any:
    labels = ops.reshape(labels, (-1,))
    return ops.expand_dims(labels, 1) == ops.expand_dims(labels, 0)
