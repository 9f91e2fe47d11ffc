"""How the outputs of several paths become one: Keras' merging layers by name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras

from kerasblocks.core.arguments import one_of

MERGES = {
    "concatenate": keras.layers.Concatenate,
    "add": keras.layers.Add,
    "average": keras.layers.Average,
    "multiply": keras.layers.Multiply,
    "maximum": keras.layers.Maximum,
    "minimum": keras.layers.Minimum,
}


def check_merge(owner: str, merge: Any) -> Any:
    """Returns `merge` if it is a name in `MERGES`, else raises."""
    return one_of(owner, "merge", merge, tuple(MERGES))


def make_merge(merge: str, *, axis: int, dtype: Any) -> keras.layers.Layer:
    """The merging layer of a name; `axis` is the one that concatenate joins."""
    options = {"axis": axis} if merge == "concatenate" else {}
    return MERGES[merge](name="merge", dtype=dtype, **options)


def check_mergeable(
    owner: str, merge: str, names: Sequence[str], specs: Sequence[Any], axis: int
) -> None:
    """Raises an error that lists every shape, where they cannot be merged."""
    if not is_mergeable(merge, specs, axis):
        listed = list_shapes(names, specs)
        raise ValueError(
            f"{owner}: the outputs cannot be merged by '{merge}'; their shapes are\n"
            f"{listed}"
        )


def is_mergeable(merge: str, specs: Sequence[Any], axis: int) -> bool:
    """Whether shapes fit each other. Sizes that are not known (None) fit any."""
    shapes = [tuple(spec.shape) for spec in specs]
    ranks = {len(shape) for shape in shapes}
    fits = len(ranks) == 1
    for position in range(1, min(ranks)):
        concatenated = merge == "concatenate" and position == axis % min(ranks)
        sizes = {shape[position] for shape in shapes} - {None}
        if merge != "concatenate":
            sizes -= {1}  # broadcast
        fits = fits and (concatenated or len(sizes) <= 1)
    return fits


def list_shapes(names: Sequence[str], specs: Sequence[Any]) -> str:
    """The shape of each, on a line of its own."""
    return "\n".join(
        f"  {name}: {tuple(spec.shape)}"
        for name, spec in zip(names, specs, strict=True)
    )
