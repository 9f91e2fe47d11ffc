"""Learning curves: the objective by epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from kerasblocks.search.report.charts.scores import fence, name_axis
from kerasblocks.search.report.charts.style import (
    ACCENT,
    REST,
    SOFT,
    Chart,
    legend,
    new_figure,
    styled,
)
from kerasblocks.search.report.words import count
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial

MOST = 120
_POINTS = 200


@styled
def curves(result: Result) -> Chart | None:
    """Draw the best trials' curves over the rest's; None before the first epoch."""
    if not _with_curves(result):
        return None
    figure, axes = new_figure()
    draw_curves(axes, result)
    legend(figure, axes)
    shown = min(len(_with_curves(result)), MOST)
    text = f"{result.goal.name} by epoch of {count(shown, 'trial')}."
    return Chart("curves", "Learning curves", text, figure)


def draw_curves(axes: Axes, result: Result) -> None:
    """Draw it on given axes."""
    name_axis(axes, result.goal)
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    drawn = _with_curves(result)
    if not drawn:
        return
    rest = drawn[5:]
    if len(drawn) > MOST:
        rest = [rest[i] for i in np.linspace(0, len(rest) - 1, MOST - 5).astype(int)]
    lines = [_curve(trial, result.goal.name) for trial in rest]
    axes.add_collection(LineCollection(lines, colors=REST, linewidths=0.8, alpha=0.5))
    for trial in drawn[4:0:-1]:
        _plot(axes, _curve(trial, result.goal.name), SOFT, 1.3)
    best = _curve(drawn[0], result.goal.name)
    _plot(axes, best, ACCENT, 2.2, f"best (trial {drawn[0].number})")
    proxies = [("next best", SOFT), ("others", REST)]
    for label, colour in proxies[: 1 + bool(rest)] if len(drawn) > 1 else ():
        axes.add_line(Line2D([], [], color=colour, linewidth=1.4, label=label))
    ends = [_curve(trial, result.goal.name) for trial in drawn]
    values = np.concatenate([curve[:, 1] for curve in ends])
    values = values[np.isfinite(values)]
    if len(values):
        low, high = fence(values.tolist(), result.goal)
        room = (high - low) * 0.05 or abs(high) * 0.05 or 1.0
        axes.set_ylim(low - room, high + room)
    longest = max(curve[-1, 0] for curve in ends)
    room = max(0.02 * longest, 0.1)
    first = min(curve[0, 0] for curve in ends)
    axes.set_xlim(first - room, longest + room)


def _with_curves(result: Result) -> list[Trial]:
    """Those with a value of the objective, the best first, the unfinished last."""
    ranked = result.ranked
    others = [trial for trial in result.trials if trial not in ranked]
    name = result.goal.name
    return [
        trial
        for trial in [*ranked, *others]
        if any(epoch.get(name) is not None for epoch in trial.epochs)
    ]


def _curve(trial: Trial, metric: str) -> np.ndarray:
    values = [epoch.get(metric) for epoch in trial.epochs]
    y = np.array([np.nan if value is None else value for value in values], float)
    x = trial.first_epoch + np.arange(1, len(y) + 1)
    step = -(-len(y) // _POINTS)
    return np.stack([x[::step], y[::step]], axis=1)


def _plot(
    axes: Axes, curve: np.ndarray, colour: str, width: float, label: str | None = None
) -> None:
    x, y = curve.T
    many: Sequence[float] = x[np.isfinite(y)]
    marker = "o" if len(many) == 1 else ""
    axes.plot(x, y, marker=marker, color=colour, linewidth=width, label=label)
