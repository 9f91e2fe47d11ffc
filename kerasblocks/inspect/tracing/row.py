"""`Row`: what a summary says of one layer."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Row:
    """One run of a layer, or of an operation that stands beside layers.

    Attributes:
        name: The layer's name: in a block, its role.
        kind: Its class.
        output_shape: The output's shape, or a structure of them; None if not known.
        dtype: The output's dtype, or those of several outputs.
        parameters: The size of its weights, those of the layers in it included.
        trainable: How many of these are trained.
        own_macs: Multiply-accumulates beside those of `children`; None if unknown.
        unknown: Why they are.
        times: How often it runs, as a cell does over a sequence; None if unknown.
        shared: Whether the layer has a row before this.
        shared_parameters: How many of its parameters are in rows before this.
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
        """Multiply-accumulates, those of the children included; None if unknown."""
        counts = [row.own_macs for row in self]
        return None if None in counts else self.known_macs

    @property
    def known_macs(self) -> int:
        """Those that are known: at least so many it takes."""
        return sum(row.own_macs or 0 for row in self)

    def __iter__(self) -> Iterator[Row]:
        """This row and all below it, in the order of a text."""
        yield self
        for child in self.children:
            yield from child

    def to_dict(self, depth: int | None = None) -> dict[str, Any]:
        """The row as plain data.

        Args:
            depth: How many levels of children are told; None for all.
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
