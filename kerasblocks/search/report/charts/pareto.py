"""The Pareto front: what one objective costs in another."""

from __future__ import annotations

import keras_tuner as kt
from matplotlib.axes import Axes

from kerasblocks.search.report.charts.scores import limit, name_axis
from kerasblocks.search.report.charts.style import (
    ACCENT,
    QUIET,
    REST,
    Chart,
    legend,
    new_figure,
    styled,
)
from kerasblocks.search.report.tables import value_of
from kerasblocks.search.report.words import count
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial


@styled
def pareto(result: Result) -> list[Chart]:
    """Draw the first objective against each other one; none where there is one."""
    return [
        chart
        for place, other in enumerate(result.goals[1:], 1)
        if (chart := _pareto(result, other, place)) is not None
    ]


def _pareto(result: Result, other: kt.Objective, place: int) -> Chart | None:
    def both(trials: list[Trial]) -> list[tuple[float, float]]:
        pairs = [(value_of(t, other.name), t.score) for t in trials]
        return [(x, y) for x, y in pairs if x is not None and y is not None]

    every, front = both(result.ranked), both(result.front)
    if not every:
        return None
    figure, axes = new_figure()
    name_axis(axes, result.goal)
    better = "higher" if other.direction == "max" else "lower"
    axes.set_xlabel(f"{other.name} ({better} is better)")
    axes.plot(*zip(*every, strict=True), "o", color=REST, markersize=5, label="trial")
    if front:
        front.sort()
        axes.plot(
            *zip(*front, strict=True),
            "o-",
            drawstyle="steps-post" if other.direction == "min" else "steps-pre",
            color=ACCENT,
            linewidth=1.6,
            markersize=6,
            label="Pareto front",
        )
    least, most = min(x for x, _ in every), max(x for x, _ in every)
    if least > 0 and most / least > 20:
        axes.set_xscale("log")
    else:
        axes.xaxis.set_major_formatter(_short)
        axes.locator_params(axis="x", nbins=5)
    axes.minorticks_off()
    limit(axes, [y for _, y in every], result.goal)
    axes.margins(x=0.1)
    if len(result.front) <= 8:
        _number(axes, result, other)
    legend(figure, axes)
    text = (
        f"{result.goal.name} against {other.name}: {count(len(front), 'trial')} "
        "that no other beats in every objective."
    )
    title = f"Pareto front: {result.goal.name} and {other.name}"
    return Chart(f"pareto-{place}", title, text, figure)


def _number(axes: Axes, result: Result, other: kt.Objective) -> None:
    """Write the trials' numbers on the side where the front's line is not."""
    rises = (result.goal.direction == "max") == (other.direction == "min")
    for trial in result.front:
        x = value_of(trial, other.name)
        if x is not None and trial.score is not None:
            axes.annotate(
                str(trial.number),
                (x, trial.score),
                xytext=(-4 if rises else 4, 4),
                textcoords="offset points",
                ha="right" if rises else "left",
                fontsize=9,
                color=QUIET,
            )


def _short(value: float, _: int) -> str:
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"
