"""`Summary`: the tree of a model's layers, with its totals, as text, data and HTML."""

from __future__ import annotations

from typing import Any

from kerasblocks.inspect import summary_text
from kerasblocks.inspect.tracing.row import Row


class Summary:
    """What `kerasblocks.summary` finds: print it, or ask it.

    Attributes:
        root: The `Row` of the model; the rows of its layers are in its `children`.
        parameters: The size of all weights, each counted once.
        trainable: How many of these are trained.
        non_trainable: How many are not.
        macs: Multiply-accumulates for one example; None if some are unknown.
        known_macs: Those that are known.
        weight_bytes: The size of all weights in memory.
        activation_bytes: The size of the outputs of all layers that hold no others, as
            training keeps them until the gradient is computed; None if unknown.
        largest_activation_bytes: The size of the largest of these; None if unknown.
        depth: How many levels of layers are told; None for all.

    Args:
        root: The row of the model.
        weight_bytes: The size of all weights in memory.
        depth: How many levels of layers are told; None for all.
    """

    def __init__(self, root: Row, weight_bytes: int, depth: int | None = None) -> None:
        self.root = root
        self.depth = depth
        self.parameters = root.parameters
        self.trainable = root.trainable
        self.non_trainable = root.parameters - root.trainable
        self.macs = root.macs
        self.known_macs = root.known_macs
        self.weight_bytes = weight_bytes
        sizes = [row.activation_bytes for row in root if not row.children]
        known = [size for size in sizes if size is not None]
        is_known = len(known) == len(sizes)
        self.activation_bytes = sum(known) if is_known else None
        self.largest_activation_bytes = max(known) if is_known else None

    def to_dict(self) -> dict[str, Any]:
        """The totals and the tree, as plain data."""
        totals = {
            name: value
            for name, value in vars(self).items()
            if name not in ("root", "depth")
        }
        return {**totals, "tree": self.root.to_dict(self.depth)}

    def __str__(self) -> str:
        return summary_text.as_text(self)

    def __rich__(self) -> Any:
        return summary_text.as_renderable(self)

    def _repr_html_(self) -> str:
        return summary_text.as_html(self)

    def __repr__(self) -> str:
        return (
            f"<Summary of {self.root.name}: {self.parameters:,} parameters, "
            f"{summary_text.macs_words(self)} MACs>"
        )
