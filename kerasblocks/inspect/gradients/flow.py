"""`GradientFlow`: the gradient norms of a model's blocks, as a table and a picture."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from kerasblocks.files import replacing
from kerasblocks.inspect.printed_table import Printed, Table

_RIGHT = {"justify": "right"}
_COLUMNS = {
    "block": {},
    "gradient norm": _RIGHT,
    "weight norm": _RIGHT,
    "ratio": _RIGHT,
    "weights": _RIGHT,
    "": {},
}
_NAMES = 30
"""With more blocks than this, the axis shows their numbers instead of their names."""


@dataclass(frozen=True)
class BlockGradient:
    """The gradient of one block: a layer, a nested model or a single weight.

    Attributes:
        name: The names of the blocks around it and its own, separated by slashes.
        gradient_norm: The norm of the gradient of its trainable weights; None if it is
            frozen, or if the loss depends on none of them.
        weight_norm: The norm of these weights; None if an earlier block counts them.
        ratio: The norm of the gradient divided by that of the weights; None if one is
            None or the weights are 0.
        weights: The size of these weights; of a frozen block, that of all its weights.
        note: "frozen", "no gradient", "not finite", "shared with ..." or nothing.
        blocks: The blocks inside, down to the depth that was asked for.
    """

    name: str
    gradient_norm: float | None
    weight_norm: float | None
    ratio: float | None
    weights: int
    note: str = ""
    blocks: tuple[BlockGradient, ...] = ()


@dataclass(frozen=True)
class GradientFlow(Printed):
    """What `gradient_flow` returns: a table to print, with its numbers.

    Attributes:
        loss: The loss of the samples; None if the model's own `train_step` does not
            return it.
        samples: The number of samples.
        blocks: The blocks that have weights, from the input to the output.
        warning: Where a number is not finite, and why; or "".
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
        plot_flows({"": self}, path)

    def table(self) -> Table:
        """A row for each block; those inside another are indented."""
        samples = "1 sample" if self.samples == 1 else f"{self.samples:,} samples"
        loss = "" if self.loss is None else f"loss {self.loss:.4g}, "
        return Table(
            columns=_COLUMNS,
            rows=[
                [
                    [("  " * depth + _last(block.name, depth), "")],
                    [(_number(block.gradient_norm), "")],
                    [(_number(block.weight_norm), "")],
                    [(_number(block.ratio), "")],
                    [(f"{block.weights:,}", "")],
                    [(block.note, "yellow")],
                ]
                for depth, block in _walk(self.blocks)
            ],
            title=f"{loss}gradients on {samples}",
            notes=[(self.warning, "bold red")] if self.warning else [],
        )


def _walk(
    blocks: tuple[BlockGradient, ...], depth: int = 0
) -> Iterator[tuple[int, BlockGradient]]:
    for block in blocks:
        yield depth, block
        yield from _walk(block.blocks, depth + 1)


def _last(name: str, depth: int) -> str:
    return name.rpartition("/")[2] if depth else name


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.3g}"


def _listed(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _listed(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_listed(item) for item in value]
    return value


def plot_flows(flows: Mapping[str, GradientFlow], path: str | Path) -> None:
    """Draws the gradient norms, and their ratios to the weights', block by block.

    The scale is logarithmic. Norms of 0 are drawn as crosses at the bottom, and blocks
    without a gradient leave a gap.

    Args:
        flows: The result of `gradient_flow` for each model, by the name of its line.
        path: The file to write or replace, such as "flow.png".

    Raises:
        ValueError: there is no flow.
    """
    if not flows:
        raise ValueError("plot_flows: 'flows' must name at least one flow, got {}")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=(11, 5), layout="constrained")
    FigureCanvasAgg(figure)
    panels = figure.subplots(1, 2, sharex=True)
    _draw(panels[0], flows, "gradient_norm", "Gradient norm")
    _draw(panels[1], flows, "ratio", "Gradient norm / weight norm")
    names = {tuple(block.name for block in flow.blocks) for flow in flows.values()}
    longest = max(names, key=len)
    for axes in panels:
        axes.grid(color="#e4e8ec", linewidth=0.8)
        axes.set_axisbelow(True)
        axes.spines[["top", "right"]].set_visible(False)
        if len(names) == 1 and len(longest) <= _NAMES:
            axes.set_xticks(range(1, 1 + len(longest)), longest, rotation=90)
        else:
            axes.set_xlabel("block, from the input to the output")
            axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if any(flows):
        panels[0].legend(frameon=False)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as draft:
        figure.savefig(draft, dpi=130)


def _draw(axes: Any, flows: Mapping[str, GradientFlow], key: str, title: str) -> None:
    axes.set_title(title)
    axes.set_yscale("log")
    for name, flow in flows.items():
        values = [_value(block, key) for block in flow.blocks]
        places = range(1, 1 + len(values))
        shown = [value if value > 0 else math.nan for value in values]
        (line,) = axes.plot(places, shown, marker="o", markersize=4, label=name)
        zeros = [
            place for place, value in zip(places, values, strict=True) if not value
        ]
        if zeros:
            floor = [0.02] * len(zeros)
            style = {"color": line.get_color(), "label": "_zeros"}
            axes.plot(zeros, floor, "x", transform=axes.get_xaxis_transform(), **style)


def _value(block: BlockGradient, key: str) -> float:
    value = getattr(block, key)
    return value if value is not None and math.isfinite(value) else math.nan
