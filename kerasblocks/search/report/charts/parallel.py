"""Parallel coordinates: every trial as a line across its hyperparameters."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D

from kerasblocks.search.report.charts.scores import fence
from kerasblocks.search.report.charts.style import (
    ACCENT,
    LIGHT,
    QUIET,
    REST,
    SOFT,
    Chart,
    new_figure,
    styled,
)
from kerasblocks.search.report.space import Parameter
from kerasblocks.search.report.words import count, shorten
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial

MOST = 8
_INACTIVE = -0.16


@styled
def parallel(result: Result, axes_of: Sequence[Parameter]) -> Chart | None:
    """Draw the completed trials; None where fewer than two, or nothing varies.

    Args:
        result: The results.
        axes_of: The hyperparameters to show, from left to right; the score follows.
    """
    ranked, shown = result.ranked, list(axes_of)[:MOST]
    if len(ranked) < 2 or not shown:
        return None
    figure, axes = new_figure(max(560, 105 * (len(shown) + 1)), 300)
    absent = any(axis.name not in trial.values for trial in ranked for axis in shown)
    foot = _INACTIVE if absent else 0.0
    scores = np.array([trial.score for trial in ranked], float)
    low, high = fence(scores.tolist(), result.goal)
    score = Parameter(result.goal.name, low=low, high=high)

    def line(trial: Trial) -> list[tuple[float, float]]:
        # Lines through one category lie apart, in an order that tells nothing.
        spread = (trial.number * 0.618 % 1 - 0.5) * 0.05
        points = []
        for x, axis in enumerate(shown):
            if axis.name in trial.values:
                y = axis.place(trial.values[axis.name]) + (spread if axis.values else 0)
            else:
                y = _INACTIVE + spread / 2
            points.append((x, y))
        ended = float(np.clip(trial.score or 0.0, low, high))
        return [*points, (len(shown), score.place(ended))]

    top = max(1, min(10, len(ranked) // 4))
    lines = [line(trial) for trial in ranked]
    groups = (
        (lines[top + 1 :], REST, 0.8, 0.45, "others"),
        (lines[1 : top + 1], SOFT, 1.4, 0.95, "next best"),
        (lines[:1], ACCENT, 2.4, 1.0, f"best (trial {ranked[0].number})"),
    )
    for segments, colour, width, alpha, label in groups:
        if segments:
            axes.add_collection(
                LineCollection(segments, colors=colour, linewidths=width, alpha=alpha)
            )
            axes.add_line(Line2D([], [], color=colour, linewidth=width, label=label))
    everything = [*shown, score]
    for x, axis in enumerate(everything):
        axes.plot([x, x], [0, 1], color=QUIET, linewidth=0.8, zorder=3)
        ticks = axis.ticks()
        if len(ticks) > 9:
            ticks = [ticks[i] for i in np.linspace(0, len(ticks) - 1, 7).astype(int)]
        last = x == len(shown)
        if not last and any(axis.name not in trial.values for trial in ranked):
            ticks = [*ticks, (_INACTIVE, "not active")]
        for y, label in ticks:
            axes.annotate(
                shorten(label, 12),
                (x, y),
                xytext=(-5 if last else 5, 0),
                textcoords="offset points",
                ha="right" if last else "left",
                va="center",
                fontsize=9,
                zorder=4,
                in_layout=False,
                bbox={
                    "boxstyle": "square,pad=0.12",
                    "facecolor": LIGHT["paper"],
                    "edgecolor": "none",
                    "alpha": 0.82,
                },
            )
        scope, _, name = axis.name.rpartition("/")
        head = f"{shorten(scope, 14)}/\n" if scope else ""
        axes.annotate(
            f"{head}{shorten(name, 15)}",
            (x, 1),
            xytext=(0, 12),
            textcoords="offset points",
            ha="right" if last else "left" if x == 0 else "center",
            va="bottom",
            fontsize=9.5,
            annotation_clip=False,
        )
    axes.set_xlim(-0.04, len(shown) + 0.04)
    axes.set_ylim(foot - 0.05, 1.05)
    axes.set_axis_off()
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles[::-1], labels[::-1], loc="outside lower left", ncols=3, labelcolor=QUIET
    )
    names = ", ".join(axis.name for axis in shown)
    text = f"{count(len(ranked), 'completed trial')}, a line each, across {names}."
    return Chart("parallel", "Parallel coordinates", text, figure, wide=True)
