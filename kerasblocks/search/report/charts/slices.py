"""Slices: the score against one hyperparameter."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from kerasblocks.search.report.charts.scores import (
    failed,
    limit,
    mark_failed,
)
from kerasblocks.search.report.charts.style import (
    ACCENT,
    REST,
    Chart,
    new_figure,
    styled,
)
from kerasblocks.search.report.space import Parameter
from kerasblocks.search.report.words import shorten
from kerasblocks.search.results import Result
from kerasblocks.search.trial import Trial

MOST = 6


@styled
def slices(result: Result, axes_of: Sequence[Parameter]) -> list[Chart]:
    """Draw a small chart for each of the first hyperparameters.

    Args:
        result: The results.
        axes_of: The hyperparameters, those that matter first.
    """
    if len(result.ranked) < 2:
        return []
    return [_slice(result, axis, n) for n, axis in enumerate(axes_of[:MOST], 1)]


def _slice(result: Result, axis: Parameter, place: int) -> Chart:
    figure, axes = new_figure(300, 190)
    trials = [trial for trial in result.ranked if axis.name in trial.values]
    scores = np.array([trial.score for trial in trials], float)
    style = {"linestyle": "none", "marker": "o", "markersize": 4.5}
    x = [_place(trial, axis) for trial in trials]
    axes.plot(x, scores, **style, color=REST, alpha=0.8)
    if axis.values:
        for at, value in zip(axis.grid(), axis.values, strict=True):
            own = [
                s
                for t, s in zip(trials, scores, strict=True)
                if repr(t.values[axis.name]) == repr(value)
            ]
            if own:
                half = 0.3 / max(len(axis.values) - 1, 1)
                axes.plot([at - half, at + half], [np.median(own)] * 2, color=ACCENT)
    if result.best is not None and axis.name in result.best.values:
        at = _place(result.best, axis)
        axes.plot([at], [result.best.score], **style | {"markersize": 7}, color=ACCENT)
    lost = [trial for trial in failed(result.trials) if axis.name in trial.values]
    limit(axes, scores.tolist(), result.goal, foot=bool(lost))
    mark_failed(axes, [_place(trial, axis) for trial in lost], size=4)
    ticks = axis.ticks()
    many = 5
    if len(ticks) > many:
        ticks = [ticks[i] for i in np.linspace(0, len(ticks) - 1, many).astype(int)]
    widest = 36 // max(len(ticks), 1)
    axes.set_xticks(
        [at for at, _ in ticks], [shorten(label, max(widest, 4)) for _, label in ticks]
    )
    axes.grid(False, axis="x")
    room = 0.5 / max(len(axis.values) - 1, 1) if axis.values else 0.04
    axes.set_xlim(-room, 1 + room)
    if axis.log:
        axes.set_xlabel("logarithmic")
    text = f"{result.goal.name} against {axis.name}, a point for each completed trial."
    return Chart(f"slice-{place}", axis.name, text, figure)


def _place(trial: Trial, axis: Parameter) -> float:
    spread = (trial.number * 0.618 % 1 - 0.5) * 0.3 / max(len(axis.values) - 1, 1)
    return axis.place(trial.values[axis.name]) + (spread if axis.values else 0.0)
