"""`Summary`: the totals of a model and the tree of its layers, as a table."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kerasblocks.inspect.printed_table import Printed, Span, Table
from kerasblocks.inspect.summary.call_tree import Row

_LEFT = {"no_wrap": True, "overflow": "ellipsis"}
_RIGHT = {**_LEFT, "justify": "right"}
_COLUMNS = {
    "layer": {**_LEFT, "overflow": "fold"},
    "output shape": _LEFT,
    "parameters": _RIGHT,
    "MACs": _RIGHT,
    "dtype": _LEFT,
}
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


class Summary(Printed):
    """What `kerasblocks.summary` returns: a table to print, with its numbers.

    Attributes:
        root: The `Row` of the model. The rows of its layers are in its `children`.
        parameters: The size of all weights, each counted once.
        trainable: The size of the trainable weights.
        non_trainable: The size of the other weights.
        macs: Multiply-accumulates for one example; None if some are unknown.
        known_macs: The multiply-accumulates that are known.
        weight_bytes: The size of all weights in memory.
        activation_bytes: The size in memory of the outputs of all layers that hold no
            other layers. Training keeps them until the gradient is computed. None if
            some are unknown.
        largest_activation_bytes: The size of the largest one; None if some are unknown.
        depth: How many levels of layers to show; None for all.

    Args:
        root: The row of the model.
        weight_bytes: The size of all weights in memory.
        depth: How many levels of layers to show; None for all.
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

    def table(self) -> Table:
        """The rows of the tree, with the totals below."""
        return Table(
            columns=_COLUMNS,
            rows=[_cells(guide, row) for guide, row in self._lines()],
            notes=[(line, "") for line in self._totals()],
        )

    def __repr__(self) -> str:
        return (
            f"<Summary of {self.root.name}: {self.parameters:,} parameters, "
            f"{self._all_macs()} MACs>"
        )

    def _lines(self) -> Iterator[tuple[str, Row]]:
        """Each row that is shown, and the lines of the tree that lead to it.

        The layers inside a layer that runs again are not shown again.
        """
        yield "", self.root
        yield from _below(self.root, "", self.depth)

    def _totals(self) -> list[str]:
        """The lines under the table."""
        activations = _bytes(self.activation_bytes)
        if self.largest_activation_bytes is not None:
            activations += f" (largest {_bytes(self.largest_activation_bytes)})"
        found = [
            f"parameters: {self.parameters:,} ({self.trainable:,} trainable, "
            f"{self.non_trainable:,} not), {_bytes(self.weight_bytes)}",
            f"MACs: {self._all_macs()}",
            f"activations: {activations}",
        ]
        unknown = [row for row in self.root if row.unknown]
        found += [f"? {row.name}: {row.unknown}" for row in unknown[:5]]
        if len(unknown) > 5:
            found.append(f"? and {len(unknown) - 5} more")
        return found

    def _all_macs(self) -> str:
        """The number of MACs, or the least that it can be."""
        if self.macs is not None:
            return short(self.macs)
        return f"? (at least {short(self.known_macs)})"


def _below(row: Row, indent: str, depth: int | None) -> Iterator[tuple[str, Row]]:
    if depth == 0:
        return
    for child in row.children:
        last = child is row.children[-1]
        yield indent + ("└─ " if last else "├─ "), child
        if not child.shared:
            inner = indent + ("   " if last else "│  ")
            yield from _below(child, inner, None if depth is None else depth - 1)


def _cells(guide: str, row: Row) -> list[list[Span]]:
    times = "?" if row.times is None else row.times
    kind = row.kind if row.times == 1 else f"{row.kind} x {times}"
    shape = "?" if row.output_shape is None else _shape(row.output_shape)
    style = "dim" if row.shared else ""
    return [
        [(guide, "dim"), (row.name, ""), (f" ({kind})", "dim")],
        [(shape, style)],
        [(_parameters(row), style)],
        [(short(row.macs), style)],
        [(row.dtype, style)],
    ]


def _parameters(row: Row) -> str:
    if row.shared:
        return "shared"
    shared = f" ({row.shared_parameters:,} shared)" if row.shared_parameters else ""
    return f"{row.parameters:,}{shared}"


def short(count: int | None) -> str:
    """A large number in four digits.

    Example:
        >>> short(3857973248), short(27648), short(12), short(None)
        ('3.858 G', '27.65 k', '12', '?')
    """
    if count is None:
        return "?"
    for scale, letter in _SCALES:
        if count >= scale:
            return f"{count / scale:#.4g} {letter}".replace(". ", " ")
    return str(count)


def _bytes(count: int | None) -> str:
    if count is None:
        return "?"
    return f"{short(count)}B" if count >= 1000 else f"{count} B"


def _shape(shape: Any) -> str:
    if isinstance(shape, dict):
        return ", ".join(f"{name}: {_shape(part)}" for name, part in shape.items())
    if isinstance(shape, list) or any(isinstance(one, tuple) for one in shape):
        return ", ".join(map(_shape, shape))
    return str(tuple(shape))
