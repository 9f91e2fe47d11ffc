"""The labels of a batch: which samples have the same one."""

from __future__ import annotations

from typing import Any

from keras import ops


def check_embeddings(owner: str, labels: Any, embeddings: Any) -> None:
    """Raises unless there is one label for each embedding.

    Args:
        owner: The class, for the error message.
        labels: What should be `(batch,)` or `(batch, 1)`.
        embeddings: What should be `(batch, features)`.

    Raises:
        ValueError: a shape is another.
    """
    shape, of_labels = tuple(embeddings.shape), tuple(labels.shape)
    if len(shape) != 2:
        raise ValueError(
            f"{owner}: the embeddings must have shape (batch, features), got {shape}"
        )
    if len(of_labels) not in (1, 2) or of_labels[1:] not in ((), (1,)):
        hint = "; of one-hot labels pass the argmax" if len(of_labels) == 2 else ""
        raise ValueError(
            f"{owner}: the labels must have shape (batch,) or (batch, 1), "
            f"got {of_labels}{hint}"
        )
    if None not in (shape[0], of_labels[0]) and shape[0] != of_labels[0]:
        raise ValueError(
            f"{owner}: there must be a label for each embedding, got {of_labels[0]} "
            f"labels and {shape[0]} embeddings"
        )


def same_label(labels: Any) -> Any:
    """Which pairs of samples have the same label, themselves included.

    Args:
        labels: `(batch,)` or `(batch, 1)`.

    Returns:
        Booleans, `(batch, batch)`.
    """
    labels = ops.reshape(labels, (-1,))
    return ops.expand_dims(labels, 1) == ops.expand_dims(labels, 0)


def others(labels: Any) -> Any:
    """Which pairs of samples are of two samples: booleans, `(batch, batch)`."""
    position = ops.arange(ops.shape(labels)[0])
    return ops.expand_dims(position, 1) != ops.expand_dims(position, 0)


def first_of_label(labels: Any) -> Any:
    """The position of the first sample of the same label, `(batch,)`.

    Example:
        >>> labels = ops.array([70, 50, 70])
        >>> ops.convert_to_numpy(first_of_label(labels)).tolist()
        [0, 1, 0]
    """
    return ops.argmax(same_label(labels), axis=1)
