"""The merges: how several tensors become one.

A merge is a name in `MERGES`, or any Keras layer that takes a list of tensors.
`Parallel`, `Residual`, `MultiInput` and `SiameseEncoder` all accept the same merges. To
add a name, add an entry to `MERGES`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras

from kerasblocks.blocks.comparison import COMPARISONS, Comparison
from kerasblocks.blocks.gated_merge import GatedMerge
from kerasblocks.core.arguments import did_you_mean


class Merge(NamedTuple):
    """A named merge and its properties."""

    layer: Callable[..., keras.layers.Layer]
    """Makes the layer from `name`, `dtype` and, with `by_axis`, `axis`."""
    by_axis: bool = False
    """Whether `layer` takes the axis of the channels."""
    inputs: int | None = None
    """The number of tensors that it takes, or None for any number."""
    joins: bool = False
    """Whether the tensors may have different numbers of channels."""
    absent: float | None = 0.0
    """The value that replaces an absent input, or None if no input may be absent."""
    averages: bool = False
    """Whether absent inputs must not be counted, since the layer divides by a count."""
    sees_absent: bool = False
    """Whether the layer takes the flags that say which inputs are present."""


MERGES = {
    "concatenate": Merge(keras.layers.Concatenate, by_axis=True, joins=True),
    "add": Merge(keras.layers.Add),
    "average": Merge(keras.layers.Average, averages=True),
    "multiply": Merge(keras.layers.Multiply, absent=1.0),
    "maximum": Merge(keras.layers.Maximum, absent=float("-inf")),
    "minimum": Merge(keras.layers.Minimum, absent=float("inf")),
    "subtract": Merge(keras.layers.Subtract, inputs=2, absent=None),
    **{
        kind: Merge(
            functools.partial(Comparison, kind), by_axis=True, inputs=2, absent=None
        )
        for kind in COMPARISONS
    },
    "gated": Merge(GatedMerge, by_axis=True, joins=True, sees_absent=True),
}


def check_merge(owner: str, merge: Any, others: tuple[None, ...] = ()) -> Any:
    """Returns `merge` if it is a name in `MERGES` or a layer, else raises.

    Args:
        owner: The class, for the error message.
        merge: What the user passed.
        others: Further legal values.
    """
    if isinstance(merge, keras.layers.Layer) or (
        isinstance(merge, str | None) and merge in (*MERGES, *others)
    ):
        return merge
    names = ", ".join(repr(name) for name in (*MERGES, *others))
    raise ValueError(
        f"{owner}: 'merge' must be one of {names}, or a Keras layer that takes a list "
        f"of tensors, got {merge!r}{did_you_mean(merge, MERGES)}"
    )


def check_count(owner: str, merge: Any, count: int) -> None:
    """Raises if a merge that takes two tensors gets another number."""
    if not isinstance(merge, str):
        return
    expected = MERGES[merge].inputs
    if expected not in (None, count):
        raise ValueError(
            f"{owner}: merge={merge!r} takes exactly {expected} tensors, got {count}"
        )


def joins(merge: Any) -> bool:
    """Whether a merge takes tensors with different numbers of channels."""
    return not isinstance(merge, str) or MERGES[merge].joins


def make_merge(
    merge: Any, *, axis: int, dtype: Any, **options: Any
) -> keras.layers.Layer:
    """Returns a new layer for a name, and a layer as it is.

    Args:
        merge: A name in `MERGES`, or a layer.
        axis: The axis of the channels.
        dtype: The dtype policy.
        **options: Further arguments of the layer, if `merge` is a name.
    """
    if isinstance(merge, keras.layers.Layer):
        return merge
    if MERGES[merge].by_axis:
        options["axis"] = axis
    return MERGES[merge].layer(name="merge", dtype=dtype, **options)


def check_mergeable(
    owner: str, merge: Any, names: Sequence[str], specs: Sequence[Any], axis: int
) -> None:
    """Raises an error that lists every shape if the tensors cannot be merged."""
    if not is_mergeable(merge, specs, axis):
        raise ValueError(
            f"{owner}: the outputs cannot be merged by '{merge}'; their shapes are\n"
            f"{list_shapes(names, specs)}"
        )


def is_mergeable(merge: Any, specs: Sequence[Any], axis: int) -> bool:
    """Whether the shapes fit each other. An unknown size (None) fits every size.

    If the merge is a layer, the layer checks the shapes itself.
    """
    if not isinstance(merge, str):
        return True
    shapes = [tuple(spec.shape) for spec in specs]
    ranks = {len(shape) for shape in shapes}
    if len(ranks) > 1:
        return False
    for position in range(1, min(ranks)):
        sizes = {shape[position] for shape in shapes} - {None}
        if not joins(merge):
            sizes -= {1}  # A size of 1 is broadcast.
        elif position == axis % min(ranks):
            continue
        if len(sizes) > 1:
            return False
    return True


def list_shapes(names: Sequence[str], specs: Sequence[Any]) -> str:
    """Lists names and shapes, one on each line."""
    return "\n".join(
        f"  {name}: {tuple(spec.shape)}"
        for name, spec in zip(names, specs, strict=True)
    )
