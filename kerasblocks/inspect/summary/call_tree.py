"""`Row`: a layer of a summary, in the tree of the layers that it calls."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Row:
    """One run of a layer, or of an operation beside layers.

    Attributes:
        name: The name of the layer. Inside a block, it is the role of the layer.
        kind: The name of its class.
        output_shape: The output's shape, or a structure of shapes; None if not known.
        dtype: The dtype of the output, or those of several outputs.
        parameters: The size of its weights, including those of the layers inside it.
        trainable: The size of the trainable ones.
        own_macs: Multiply-accumulates, without those of `children`; None if unknown.
        unknown: Why they are unknown.
        times: How often it runs, as a cell does over a sequence; None if unknown.
        shared: Whether the layer has an earlier row.
        shared_parameters: The size of those of its weights that are in earlier rows.
        activation_bytes: The size of its output, over all runs; None if unknown.
        children: The rows of the layers that it runs, in that order.
    """

    name: str
    kind: str
    output_shape: Any = None
    dtype: str = ""
    parameters: int = 0
    trainable: int = 0
    own_macs: int | None = 0
    unknown: str = ""
    times: int | None = 1
    shared: bool = False
    shared_parameters: int = 0
    activation_bytes: int | None = 0
    children: list[Row] = field(default_factory=list)

    @property
    def macs(self) -> int | None:
        """Multiply-accumulates, with those of the children; None if any is unknown."""
        counts = [row.own_macs for row in self]
        return None if None in counts else self.known_macs

    @property
    def known_macs(self) -> int:
        """The multiply-accumulates that are known."""
        return sum(row.own_macs or 0 for row in self)

    def __iter__(self) -> Iterator[Row]:
        """This row and all rows below it, in the order in which they are printed."""
        yield self
        for child in self.children:
            yield from child

    def to_dict(self, depth: int | None = None) -> dict[str, Any]:
        """The row as plain data.

        Args:
            depth: How many levels of children to include; None for all.
        """
        deeper = None if depth is None else depth - 1
        return {
            "name": self.name,
            "class": self.kind,
            "output_shape": self.output_shape,
            "dtype": self.dtype,
            "parameters": self.parameters,
            "trainable": self.trainable,
            "macs": self.macs,
            "times": self.times,
            "shared": self.shared,
            "shared_parameters": self.shared_parameters,
            "unknown": self.unknown,
            "children": [child.to_dict(deeper) for child in self.children]
            if depth != 0
            else [],
        }
