"""A summary for the eye: as text, with rich, and as HTML for notebooks."""

from __future__ import annotations

import html
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kerasblocks.inspect.summary_tree import Summary
    from kerasblocks.inspect.tracing.row import Row

COLUMNS = ("layer", "output shape", "parameters", "MACs", "dtype")
_SCALES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def as_text(summary: Summary) -> str:
    """The tree as plain text, as wide as it needs to be."""
    from rich.console import Console

    console = Console(width=10_000, color_system=None, highlight=False)
    with console.capture() as capture:
        console.print(as_renderable(summary))
    return "\n".join(line.rstrip() for line in capture.get().strip("\n").splitlines())


def as_renderable(summary: Summary) -> Any:
    """The tree and the totals, for rich."""
    from rich import box
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for place, column in enumerate(COLUMNS):
        right = column in ("parameters", "MACs")
        table.add_column(
            column,
            justify="right" if right else "left",
            overflow="fold" if place == 0 else "ellipsis",
            no_wrap=True,
        )
    for guide, row in lines(summary):
        name = Text.assemble((guide, "dim"), row.name, (f" ({kind(row)})", "dim"))
        cells = [Text(cell, "dim" if row.shared else "") for cell in cells_of(row)]
        table.add_row(name, *cells)
    return Group(table, *(Text(line) for line in totals(summary)))


def as_html(summary: Summary) -> str:
    """The same as a table of HTML."""
    head = "".join(f"<th>{name}</th>" for name in COLUMNS)
    body = "".join(
        "<tr>"
        f'<td style="text-align:left;white-space:pre">{html.escape(guide + row.name)}'
        f" <small>{html.escape(kind(row))}</small></td>"
        + "".join(
            f'<td style="text-align:right">{html.escape(cell)}</td>'
            for cell in cells_of(row)
        )
        + "</tr>"
        for guide, row in lines(summary)
    )
    foot = "<br>".join(map(html.escape, totals(summary)))
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{foot}</p>"
    )


def lines(summary: Summary) -> Iterator[tuple[str, Row]]:
    """Each row that is told, after what draws its place in the tree.

    A layer that was run before is told without what is in it.
    """
    yield "", summary.root
    yield from _below(summary.root, "", summary.depth)


def _below(row: Row, indent: str, depth: int | None) -> Iterator[tuple[str, Row]]:
    if depth == 0:
        return
    for child in row.children:
        last = child is row.children[-1]
        yield indent + ("└─ " if last else "├─ "), child
        if not child.shared:
            inner = indent + ("   " if last else "│  ")
            yield from _below(child, inner, None if depth is None else depth - 1)


def kind(row: Row) -> str:
    """Its class, and how often it runs."""
    times = "?" if row.times is None else row.times
    return row.kind if row.times == 1 else f"{row.kind} x {times}"


def cells_of(row: Row) -> tuple[str, ...]:
    """What follows the name: see `COLUMNS`."""
    return (
        "?" if row.output_shape is None else _shape(row.output_shape),
        _parameters(row),
        short(row.macs),
        row.dtype,
    )


def _parameters(row: Row) -> str:
    if row.shared:
        return "shared"
    shared = f" ({row.shared_parameters:,} shared)" if row.shared_parameters else ""
    return f"{row.parameters:,}{shared}"


def totals(summary: Summary) -> list[str]:
    """The lines under the table."""
    activations = _bytes(summary.activation_bytes)
    if summary.largest_activation_bytes is not None:
        activations += f" (largest {_bytes(summary.largest_activation_bytes)})"
    found = [
        f"parameters: {summary.parameters:,} ({summary.trainable:,} trainable, "
        f"{summary.non_trainable:,} not), {_bytes(summary.weight_bytes)}",
        f"MACs: {macs_words(summary)}",
        f"activations: {activations}",
    ]
    unknown = [row for row in summary.root if row.unknown]
    found += [f"? {row.name}: {row.unknown}" for row in unknown[:5]]
    if len(unknown) > 5:
        found.append(f"? and {len(unknown) - 5} more")
    return found


def macs_words(summary: Summary) -> str:
    """All MACs, or at least how many."""
    if summary.macs is not None:
        return short(summary.macs)
    return f"? (at least {short(summary.known_macs)})"


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
