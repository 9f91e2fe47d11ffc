"""`Printed`: a table as text, in a terminal with rich, and as HTML in notebooks."""

from __future__ import annotations

import html
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Span = tuple[str, str]
"""A text and its style, such as "dim" or "bold red"; "" for none."""


@dataclass(frozen=True)
class Table:
    """The contents of a table.

    Attributes:
        columns: By the name of each column, its options for `rich`'s `add_column`.
        rows: The cells of each row. A cell is made of spans.
        title: A line above the table, or "".
        notes: The lines below the table.
    """

    columns: Mapping[str, Mapping[str, Any]]
    rows: Sequence[Sequence[Sequence[Span]]]
    title: str = ""
    notes: Sequence[Span] = ()


class Printed:
    """Prints itself as the table that a subclass returns from `table`."""

    def table(self) -> Table:
        """The table to print."""
        raise NotImplementedError

    def __rich__(self) -> Any:
        from rich.box import SIMPLE_HEAD
        from rich.console import Group
        from rich.table import Table as Grid
        from rich.text import Text

        table = self.table()
        grid = Grid(box=SIMPLE_HEAD, pad_edge=False)
        for name, options in table.columns.items():
            grid.add_column(name, **options)
        for row in table.rows:
            grid.add_row(*(Text.assemble(*spans) for spans in row))
        title = [Text(table.title, "italic")] if table.title else []
        return Group(*title, grid, *(Text(*note) for note in table.notes))

    def __str__(self) -> str:
        from rich.console import Console

        # As wide as the table needs: a file has no width.
        console = Console(
            file=io.StringIO(), width=10_000, color_system=None, highlight=False
        )
        with console.capture() as capture:
            console.print(self)
        lines = capture.get().strip("\n").splitlines()
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        table = self.table()
        aligned = [one.get("justify", "left") for one in table.columns.values()]

        def row(cells: Sequence[Sequence[Span]], tag: str) -> str:
            inner = "".join(
                f'<{tag} style="text-align: {align}; white-space: pre">{_as_html(cell)}'
                f"</{tag}>"
                for cell, align in zip(cells, aligned, strict=True)
            )
            return f"<tr>{inner}</tr>"

        head = row([[(name, "")] for name in table.columns], "th")
        body = "".join(row(cells, "td") for cells in table.rows)
        title = f"<p>{html.escape(table.title)}</p>" if table.title else ""
        notes = "<br>".join(_as_html([note]) for note in table.notes)
        return (
            f"{title}<table><thead>{head}</thead><tbody>{body}</tbody></table>"
            f"<p>{notes}</p>"
        )


def _as_html(spans: Sequence[Span]) -> str:
    escaped = [(html.escape(text), "bold" in style) for text, style in spans]
    return "".join(
        f"<strong>{text}</strong>" if bold else text for text, bold in escaped
    )
