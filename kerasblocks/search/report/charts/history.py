"""Each trial's score, and the best so far."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from kerasblocks.search.report.charts.scores import (
    failed,
    limit,
    mark_failed,
    name_axis,
)
from kerasblocks.search.report.charts.style import (
    ACCENT,
    LIGHT,
    REST,
    Chart,
    legend,
    new_figure,
    styled,
)
from kerasblocks.search.report.words import count, number
from kerasblocks.search.results import Result
from kerasblocks.search.trial import PRUNED


@styled
def history(result: Result) -> Chart | None:
    """Draw the scores in the order of trials; None before the first."""
    if not result.ranked and not failed(result.trials):
        return None
    figure, axes = new_figure()
    draw_history(axes, result)
    legend(figure, axes)
    text = f"{count(len(result.ranked), 'completed trial')} in the order of asking."
    if result.best is not None:
        text += (
            f" The best, trial {result.best.number}, has {result.goal.name} "
            f"{number(result.best.score)}."
        )
    return Chart("history", "Score of each trial", text, figure)


def draw_history(axes: Axes, result: Result) -> None:
    """Draw it on given axes."""
    done = sorted(result.ranked, key=lambda trial: trial.number)
    cut = [t for t in result.trials if t.status == PRUNED and t.score is not None]
    name_axis(axes, result.goal)
    axes.set_xlabel("trial")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    size = 5 if len(result.trials) < 100 else 3
    style: dict[str, Any] = {"linestyle": "none", "marker": "o", "markersize": size}
    if cut:
        hollow: dict[str, Any] = {
            "markerfacecolor": LIGHT["paper"],
            "markeredgecolor": REST,
        }
        points = [(trial.number, trial.score or 0.0) for trial in cut]
        axes.plot(*zip(*points, strict=True), **style, **hollow, label="pruned")
    if done:
        running: list[Any] = []
        best = None
        for trial in done:
            if best is None or result.goal.better_than(trial.score, best):
                best = trial.score
            running.append(best)
        numbers = [trial.number for trial in done]
        scores = [trial.score for trial in done if trial.score is not None]
        axes.plot(numbers, scores, **style, color=REST, label="completed")
        numbers.append(max(trial.number for trial in result.trials))
        running.append(best)
        axes.plot(
            numbers,
            running,
            drawstyle="steps-post",
            color=ACCENT,
            linewidth=2,
            label="best so far",
        )
    lost = [trial.number for trial in failed(result.trials)]
    limit(axes, [t.score or 0.0 for t in done], result.goal, foot=bool(lost))
    mark_failed(axes, lost)
