"""One look for every chart, and one drawing that serves as PNG and inside a page.

A chart is drawn in the light palette. In a page each of its colours becomes the
page's variable of that name, so that it follows the reader's light or dark mode; the
text stays text, in the page's own font.
"""

from __future__ import annotations

import html
import io
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.transforms import Bbox

from kerasblocks.files import replacing
from kerasblocks.search.report.words import shorten

LIGHT = {
    "paper": "#fdfdfc",
    "ink": "#1c2024",
    "quiet": "#626c76",
    "line": "#e1e4e8",
    "rest": "#a9b3be",
    "soft": "#8bb0ea",
    "accent": "#1d5fbf",
    "bad": "#c23b22",
    "warn": "#b7791f",
}
DARK = {
    "paper": "#14171a",
    "ink": "#e4e7ea",
    "quiet": "#98a2ac",
    "line": "#2c3238",
    "rest": "#5f6a75",
    "soft": "#3d679f",
    "accent": "#79aef5",
    "bad": "#f2806b",
    "warn": "#d9a84e",
}
INK, QUIET, LINE, REST = (LIGHT[name] for name in ("ink", "quiet", "line", "rest"))
SOFT, ACCENT, BAD, WARN = (LIGHT[name] for name in ("soft", "accent", "bad", "warn"))

_RC: Any = {
    "font.size": 10,
    "font.family": ["DejaVu Sans"],
    "text.color": QUIET,
    "text.parse_math": False,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": LINE,
    "axes.facecolor": "none",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.spines.left": False,
    "axes.labelsize": 10,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titlecolor": QUIET,
    "axes.titlepad": 8,
    "axes.formatter.useoffset": False,
    "grid.color": LINE,
    "grid.linewidth": 0.8,
    "xtick.color": LINE,
    "ytick.color": LINE,
    "xtick.labelcolor": QUIET,
    "ytick.labelcolor": QUIET,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "legend.handlelength": 1.4,
    "legend.columnspacing": 1.4,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",
    "svg.hashsalt": "kerasblocks",
}


@dataclass(frozen=True)
class Chart:
    """A drawn figure with what is to be read about it.

    Args:
        name: The name of its file and its place in the page, without a suffix.
        title: What it shows.
        description: What is to be seen in it, for those who do not see it.
        figure: The figure.
        wide: Whether it needs a row of the page for itself.
    """

    name: str
    title: str
    description: str
    figure: Figure
    wide: bool = False

    def png(self, folder: Path) -> Path:
        """Write it as a picture with its title; return the file."""
        path = folder / f"{self.name}.png"
        width, height = self.figure.get_size_inches()
        with rc_context(_RC), replacing(path) as draft:
            # Above the figure, which in a page has its title outside.
            title = self.figure.text(
                *(8 / 72 / width, 1 + 6 / 72 / height, shorten(self.title, 60)),
                color=INK,
                fontsize=11,
                weight="bold",
                va="bottom",
            )
            box = Bbox.from_extents(0, 0, width, height + 26 / 72)
            FigureCanvasAgg(self.figure)
            self.figure.savefig(
                draft, dpi=144, facecolor=LIGHT["paper"], bbox_inches=box
            )
            title.remove()
        return path

    def svg(self) -> str:
        """Return it as an element of a page, without anything from outside."""
        with rc_context(_RC):
            file = io.StringIO()
            self.figure.savefig(file, format="svg", transparent=True)
        text = file.getvalue()
        text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
        text = re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL)
        opening = re.search(r"<svg [^>]*>", text)
        assert opening is not None
        box = re.search(r'viewBox="([^"]*)"', opening[0])
        assert box is not None
        body = _tidy(text[opening.end() :], self.name)
        label = f'aria-labelledby="{self.name}-title {self.name}-desc"'
        return (
            f'<svg viewBox="{box[1]}" role="img" {label}>'
            f'<title id="{self.name}-title">{html.escape(self.title)}</title>'
            f'<desc id="{self.name}-desc">{html.escape(self.description)}</desc>'
            f"{body}"
        )


def new_figure(width: float = 360, height: float = 226, columns: int = 1) -> Any:
    """Return a figure of so many points and its axes, many or one."""
    with rc_context(_RC):
        layout = ConstrainedLayoutEngine(w_pad=6 / 72, h_pad=5 / 72)
        figure = Figure(figsize=(width / 72, height / 72), layout=layout)
        axes = figure.subplots(1, columns)
    return figure, axes


def styled(draw: Any) -> Any:
    """Have a function draw in the report's look, and lay its charts out once."""

    def drawn(*arguments: Any, **options: Any) -> Any:
        with rc_context(_RC):
            found = draw(*arguments, **options)
            for chart in found if isinstance(found, list) else [found]:
                if isinstance(chart, Chart):
                    chart.figure.draw_without_rendering()
                    chart.figure.set_layout_engine("none")
        return found

    return drawn


def legend(figure: Figure, axes: Axes) -> None:
    """Write under a figure what its marks are, where it has any."""
    handles, labels = axes.get_legend_handles_labels()
    if handles:
        figure.legend(handles, labels, loc="outside lower left", ncols=4)


def _tidy(text: str, name: str) -> str:
    """Make an SVG's body small, its ids its own and its colours the page's."""
    used = set(re.findall(r"(?:href=\"|url\()#([^\")]+)", text))
    text = re.sub(
        r' id="([^"]*)"',
        lambda found: f' id="{name}-{found[1]}"' if found[1] in used else "",
        text,
    )
    text = re.sub(r"(href=\"|url\()#", rf"\1#{name}-", text)
    text = text.replace("xlink:href", "href").replace(' type="text/css"', "")
    for attribute in ("d", "x", "y", "transform", "points"):
        text = re.sub(
            rf' {attribute}="([^"]*)"',
            lambda found: re.sub(r"-?\d+\.\d+", _rounded, found[0]),
            text,
        )
    for colour, value in LIGHT.items():
        text = text.replace(value, f"var(--{colour})")
    return re.sub(r"\n\s*", "\n", text).strip()


def _rounded(found: re.Match[str]) -> str:
    return f"{float(found[0]):.2f}".rstrip("0").rstrip(".")
