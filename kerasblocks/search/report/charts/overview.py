"""History and learning curves in one picture, which every search leaves."""

from __future__ import annotations

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg

from kerasblocks.files import replacing
from kerasblocks.search.report.charts.curves import draw_curves
from kerasblocks.search.report.charts.history import draw_history
from kerasblocks.search.report.charts.style import INK, LIGHT, new_figure, styled
from kerasblocks.search.report.words import count, number
from kerasblocks.search.results import Result


@styled
def overview(result: Result, path: Path) -> None:
    """Draw them.

    Args:
        result: What to draw.
        path: The PNG file.
    """
    figure, (scores, curves) = new_figure(860, 300, columns=2)
    title = f"{result.name}: {count(len(result.finished), 'trial')}"
    if result.best is not None:
        title += f", best {result.goal.name} {number(result.best.score)}"
    figure.suptitle(title, x=0.01, ha="left", color=INK, fontsize=12, weight="bold")
    draw_history(scores, result)
    draw_curves(curves, result)
    for axes in (scores, curves):
        if axes.get_legend_handles_labels()[0]:
            axes.legend(loc="upper left", bbox_to_anchor=(-0.02, -0.16), ncols=3)
    FigureCanvasAgg(figure)
    with replacing(path) as draft:
        figure.savefig(draft, dpi=130, facecolor=LIGHT["paper"])
