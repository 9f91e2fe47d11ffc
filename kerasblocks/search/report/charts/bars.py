"""Hyperparameter importance as bars."""

from __future__ import annotations

from kerasblocks.search.report.charts.style import (
    ACCENT,
    SOFT,
    Chart,
    new_figure,
    styled,
)
from kerasblocks.search.report.importance import Importance
from kerasblocks.search.report.words import shorten

MOST = 12


@styled
def bars(found: Importance) -> Chart | None:
    """Draw the greatest shares, single parameters and pairs; None without any."""
    if not found.shares:
        return None
    singles = [
        (shorten(name, 26), share, ACCENT) for name, share in found.shares.items()
    ]
    pairs = [
        (f"{shorten(a, 17)} & {shorten(b, 17)}", share, SOFT)
        for (a, b), share in found.pairs.items()
        if share >= 0.02
    ]
    shown = sorted(singles + pairs, key=lambda one: -one[1])[:MOST]
    figure, axes = new_figure(380, 24 + 19 * len(shown))
    names, shares, colours = zip(*shown, strict=True)
    places = range(len(shown))
    axes.barh(places, shares, color=colours, height=0.62)
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.set_xlim(0, max(shares) * 1.18 or 1.0)
    axes.set_xticks([])
    axes.grid(False)
    axes.spines["bottom"].set_visible(False)
    for place, share in enumerate(shares):
        axes.annotate(
            f"{share:.0%}",
            (share, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
        )
    text = "Share of the scores' variance: " + ", ".join(
        f"{name} {share:.0%}" for name, share, _ in shown[:6]
    )
    return Chart("importance", "Importance of hyperparameters", f"{text}.", figure)
