"""`plot_flows`: gradient norms by block, as a picture."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kerasblocks.files import replacing
from kerasblocks.inspect.gradients.table import BlockGradient, GradientFlow

_NAMES = 30
"""With more blocks than this, the axis shows their numbers instead of their names."""


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
