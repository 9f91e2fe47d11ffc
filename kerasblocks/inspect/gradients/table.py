"""`GradientFlow`: the gradient norms of a model's blocks, as a table."""

from __future__ import annotations

import html
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

HEAD = ("block", "gradient norm", "weight norm", "ratio", "weights", "")


@dataclass(frozen=True)
class BlockGradient:
    """The gradient of one block: a layer, a nested model or a single weight.

    Attributes:
        name: The block's name, after those of the blocks that it stands in.
        gradient_norm: The norm of the loss's gradient by the block's trainable
            weights; None for a frozen block, or where the loss depends on none of them.
        weight_norm: The norm of these weights; None where an earlier block counts them.
        ratio: The one divided by the other; None without the one or with weights of 0.
        weights: How many numbers they are; for a frozen block, how many are frozen.
        note: "frozen", "no gradient", "not finite", "shared with ..." or nothing.
        blocks: The blocks inside, where it was opened.
    """

    name: str
    gradient_norm: float | None
    weight_norm: float | None
    ratio: float | None
    weights: int
    note: str = ""
    blocks: tuple[BlockGradient, ...] = ()


@dataclass(frozen=True)
class GradientFlow:
    """What `gradient_flow` found: printed, it is a table; a notebook shows it as one.

    Attributes:
        loss: The loss of the samples; None where the model's own `train_step` does not
            tell.
        samples: How many they were.
        blocks: The blocks with weights, from the input to the output.
        warning: Where a number is not finite, and why; or nothing.
    """

    loss: float | None
    samples: int
    blocks: tuple[BlockGradient, ...]
    warning: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The numbers, as dicts and lists that JSON can hold."""
        return _listed(asdict(self))

    def plot(self, path: str | Path) -> None:
        """Draws the norms by block, with a log scale, as a picture.

        Args:
            path: The file to write or replace, such as "flow.png".
        """
        from kerasblocks.inspect.gradients.plot import plot_flows

        plot_flows({"": self}, path)

    def rows(self) -> list[tuple[str, ...]]:
        """The table's cells as text, one row a block, those inside indented."""
        return [
            (
                "  " * depth + (block.name if depth == 0 else _last(block.name)),
                _number(block.gradient_norm),
                _number(block.weight_norm),
                _number(block.ratio),
                f"{block.weights:,}",
                block.note,
            )
            for depth, block in _walk(self.blocks)
        ]

    @property
    def title(self) -> str:
        """What the numbers are of."""
        samples = "1 sample" if self.samples == 1 else f"{self.samples:,} samples"
        loss = "" if self.loss is None else f"loss {self.loss:.4g}, "
        return f"{loss}gradients on {samples}"

    def __rich__(self) -> Any:
        from rich import box
        from rich.table import Table
        from rich.text import Text

        table = Table(
            title=self.title,
            caption=Text(self.warning, "bold red") if self.warning else None,
            title_justify="left",
            caption_justify="left",
            box=box.SIMPLE_HEAD,
            pad_edge=False,
        )
        for place, name in enumerate(HEAD):
            table.add_column(name, justify="right" if 0 < place < 5 else "left")
        for *cells, note in self.rows():
            table.add_row(*map(Text, cells), Text(note, "yellow"))
        return table

    def __str__(self) -> str:
        from rich.console import Console

        # As wide as the table is: a file has no width.
        console = Console(
            file=io.StringIO(), width=10_000, color_system=None, highlight=False
        )
        with console.capture() as capture:
            console.print(self)
        return "\n".join(line.rstrip() for line in capture.get().splitlines())

    def _repr_html_(self) -> str:
        def row(cells: tuple[str, ...], tag: str) -> str:
            inner = "".join(
                f'<{tag} style="text-align: {"right" if 0 < place < 5 else "left"}; '
                f'white-space: pre">{html.escape(cell)}</{tag}>'
                for place, cell in enumerate(cells)
            )
            return f"<tr>{inner}</tr>"

        caption = html.escape(self.title)
        if self.warning:
            caption += f"<br><strong>{html.escape(self.warning)}</strong>"
        body = "".join(row(cells, "td") for cells in self.rows())
        return (
            f'<table><caption style="text-align: left">{caption}</caption>'
            f"<thead>{row(HEAD, 'th')}</thead><tbody>{body}</tbody></table>"
        )


def _walk(
    blocks: tuple[BlockGradient, ...], depth: int = 0
) -> Iterator[tuple[int, BlockGradient]]:
    for block in blocks:
        yield depth, block
        yield from _walk(block.blocks, depth + 1)


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return value
