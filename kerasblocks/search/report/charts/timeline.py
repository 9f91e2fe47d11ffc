"""The timeline of workers: every attempt as a bar from its start to its end."""

from __future__ import annotations

import re
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.patches import Patch

from kerasblocks.search.report.charts.style import (
    ACCENT,
    BAD,
    LIGHT,
    QUIET,
    REST,
    SOFT,
    WARN,
    Chart,
    new_figure,
    styled,
)
from kerasblocks.search.report.words import count, duration, parse, shorten
from kerasblocks.search.results import Result
from kerasblocks.search.trial import COMPLETED, FAILED, INTERRUPTED, PRUNED, RUNNING

_COLOURS = {
    COMPLETED: SOFT,
    PRUNED: REST,
    FAILED: BAD,
    INTERRUPTED: WARN,
    RUNNING: ACCENT,
}
_WORDS = {
    COMPLETED: "completed",
    PRUNED: "pruned",
    FAILED: "failed",
    INTERRUPTED: "cut off",
    RUNNING: "running, or lost",
}
MOST = 24


@dataclass
class Bar:
    """One attempt: when, whose, what became of it."""

    trial: int
    worker: str
    start: float
    end: float
    status: str


def bars_of(result: Result) -> list[Bar]:
    """Return every attempt as seconds since the first began.

    One that nobody saw end lasts until its worker's next began, or until the last
    that is known of the study.
    """
    known, open_ended = [], []
    for trial in result.trials:
        for attempt in trial.attempts:
            start, end = parse(attempt.started), parse(attempt.ended)
            if start is None:
                continue
            row = Bar(
                trial.number, attempt.worker, start.timestamp(), 0, attempt.status
            )
            if end is None:
                open_ended.append(row)
            else:
                row.end = max(end.timestamp(), row.start)
            known.append(row)
    if not known:
        return []
    first = min(row.start for row in known)
    last = max(max(row.start, row.end) for row in known)
    for row in open_ended:
        later = [
            r.start for r in known if r.worker == row.worker and r.start > row.start
        ]
        row.end = min([*later, last])
    for row in known:
        row.start, row.end = row.start - first, row.end - first
    return sorted(known, key=lambda row: row.start)


def without_gaps(bars: list[Bar]) -> tuple[list[Bar], list[float]]:
    """Cut long times out in which nothing ran; return the bars and where it was cut.

    Example:
        >>> night = [Bar(1, "a", 0, 60, "COMPLETED"), Bar(2, "a", 9000, 9060, "FAILED")]
        >>> moved, cuts = without_gaps(night)
        >>> [(bar.start, bar.end) for bar in moved], cuts
        ([(0.0, 60.0), (66.0, 126.0)], [63.0])
    """
    busy, end = 0.0, 0.0
    for bar in bars:
        busy += max(0.0, bar.end - max(end, bar.start))
        end = max(end, bar.end)
    kept = 0.05 * busy
    moved, cuts, end, shift = [], [], 0.0, 0.0
    for bar in bars:
        gap = bar.start - end
        if moved and gap > max(4 * kept, 30.0):
            shift += gap - kept
            cuts.append(end - (shift - (gap - kept)) + kept / 2)
        end = max(end, bar.end)
        place = (bar.start - shift, bar.end - shift)
        moved.append(Bar(bar.trial, bar.worker, *place, bar.status))
    return moved, cuts


@styled
def timeline(result: Result) -> Chart | None:
    """Draw who ran what when; None before the first trial."""
    bars, cuts = without_gaps(bars_of(result))
    if not bars:
        return None
    workers = sorted({bar.worker for bar in bars}, key=_order)
    hidden = len(workers) - MOST
    workers = workers[:MOST]
    bars = [bar for bar in bars if bar.worker in workers]
    figure, axes = new_figure(860, 80 + 26 * len(workers))
    end = max(max(bar.end for bar in bars), 1e-3)
    unit, name = _unit(end)
    kinds = [status for status in _WORDS if any(bar.status == status for bar in bars)]
    for kind in kinds:
        _draw(axes, [bar for bar in bars if bar.status == kind], workers, end, unit)
    for cut in cuts:
        axes.axvline(cut / unit, color=QUIET, linewidth=1, linestyle=(0, (2, 3)))
    axes.set_yticks(range(len(workers)), [shorten(worker, 20) for worker in workers])
    axes.set_ylim(len(workers) - 0.4, -0.7)
    axes.set_xlim(0, end / unit * 1.005)
    idle = ", idle time cut out at the dashed lines" if cuts else ""
    axes.set_xlabel(f"{name}{idle}")
    axes.grid(False, axis="y")
    patches = [Patch(color=_COLOURS[kind], label=_WORDS[kind]) for kind in kinds]
    figure.legend(handles=patches, loc="outside lower left", ncols=5)
    lost = sum(bar.status == FAILED for bar in bars)
    text = (
        f"{count(len(bars), 'attempt')} on {count(len(workers), 'worker')} in "
        f"{duration(end)}; {lost} failed."
    )
    if hidden > 0:
        text += f" {count(hidden, 'more worker')} not shown."
    return Chart("timeline", "Timeline of workers", text, figure, wide=True)


def _draw(
    axes: Axes, bars: list[Bar], workers: list[str], end: float, unit: float
) -> None:
    """Draw the bars of one status."""
    status = bars[0].status
    rows = [workers.index(bar.worker) for bar in bars]
    # None so short that it cannot be seen.
    widths = [max(bar.end - bar.start, end / 1500) / unit for bar in bars]
    axes.barh(
        rows,
        widths,
        left=[bar.start / unit for bar in bars],
        height=0.62,
        color=_COLOURS[status],
        edgecolor=LIGHT["paper"],
        linewidth=0.8 if len(bars) < 200 else 0.0,
    )
    middles = [
        bar.start / unit + width / 2 for bar, width in zip(bars, widths, strict=True)
    ]
    if status == FAILED:
        above = [row - 0.46 for row in rows]
        axes.plot(middles, above, "x", color=BAD, markersize=4)
        return
    for bar, row, middle, width in zip(bars, rows, middles, widths, strict=True):
        if width * unit / end > 0.03:
            axes.text(
                middle,
                row,
                str(bar.trial),
                ha="center",
                va="center",
                fontsize=8.5,
                color=LIGHT["ink"],
                in_layout=False,
            )


def _order(worker: str) -> list[object]:
    """Worker 10 after worker 2."""
    return [
        (1, int(part), "") if part.isdigit() else (0, 0, part)
        for part in re.split(r"(\d+)", worker)
    ]


def _unit(seconds: float) -> tuple[float, str]:
    if seconds < 300:
        return 1.0, "seconds"
    return (60.0, "minutes") if seconds < 3 * 3600 else (3600.0, "hours")
