"""The lines on a terminal, and under them what runs, as it runs."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from kerasblocks.search.display.plain import Display, Nowhere
from kerasblocks.search.display.standing import Running, Standing
from kerasblocks.search.display.words import fold, score, settings
from kerasblocks.search.report.words import shorten
from kerasblocks.search.results import Result

_GAP = 2
_BARS = (6, 24)
_LEAST_SETTINGS = 16
_PER_SECOND = 4


class LiveDisplay(Display):
    """The same lines, and under them a row for each trial that runs.

    Args:
        stream: The terminal; standard output by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        super().__init__(stream)
        self._console = _Console(file=self.stream, highlight=False)
        self._live: Live | None = None

    def begin(
        self, result: Result, total: int, slots: int = 1, until: float | None = None
    ) -> None:
        """Start the live part."""
        super().begin(result, total, slots, until)
        console = self._console
        self._live = Live(
            get_renderable=lambda: picture(
                self.standing,
                console.width,
                console.height,
                console.options.ascii_only,
            ),
            console=console,
            transient=True,
            refresh_per_second=_PER_SECOND,
            vertical_overflow="crop",
        )
        self._live.start()

    def line(self, text: str, style: str = "") -> None:
        """Say one line, above the live part where there is one."""
        try:
            for row in fold(text, self._console.width):
                self._console.print(Text(row, style), soft_wrap=True)
        except OSError:  # the terminal is gone
            self._live = None
            self._console = _Console(file=Nowhere())

    def end(self) -> None:
        """Take the live part away."""
        if self._live is not None:
            live, self._live = self._live, None
            with contextlib.suppress(OSError):
                live.stop()


class _Console(Console):
    """One that does not end the process when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        """Leave it to who prints."""
        raise BrokenPipeError


def picture(
    standing: Standing, width: int, height: int, ascii_only: bool = False
) -> RenderableType:
    """Return the live part: a row for each trial that runs, and where the search is.

    Args:
        standing: What is known.
        width: The terminal's columns.
        height: Its lines.
        ascii_only: Whether it can show no more than ASCII.
    """
    foot = _foot(standing, width, " | " if ascii_only else " · ")
    room = max(1, height - len(foot) - 2)
    running = list(standing.running.values())
    shown = running if len(running) <= room else running[: room - 1]
    rows: list[RenderableType] = []
    if shown:
        rows.append(_rows(standing, shown, width))
    if len(shown) < len(running):
        rows.append(Text(f"and {len(running) - len(shown)} more that run", "dim"))
    return Group(*rows, *foot)


def _rows(standing: Standing, running: list[Running], width: int) -> Table:
    """One row a trial, of as much as there is room for."""
    name = standing.goals[0].name
    texts: dict[str, Callable[[Running], str]] = {
        "trial": lambda one: f"trial {one.trial.number}",
        "number": lambda one: str(one.trial.number),
        "worker": lambda one: shorten(one.worker, 24),
        "w": lambda one: shorten(one.worker.replace("worker ", "w"), 8),
        "epochs": lambda one: f"{one.epoch}/{one.epochs}",
        "score": lambda one: "" if one.score is None else f"{name} {score(one.score)}",
        "value": lambda one: "" if one.score is None else score(one.score),
        "seconds": lambda one: ticking(standing.seconds(one)),
    }
    columns = {key: [text(one) for one in running] for key, text in texts.items()}
    # The score's room is kept before there is one, so that nothing jumps.
    widths = {key: max(map(len, cells)) for key, cells in columns.items()}
    widths["value"] = max(widths["value"], 6)
    widths["score"] = max(widths["score"], len(name) + 7)

    for keys in _layouts(standing.several):
        taken = sum(widths[key] + _GAP for key in keys)
        if taken + _BARS[0] <= width:
            break
    else:
        keys, taken = ["number", "epochs", "value"], width
    bar = min(_BARS[1], width - taken)
    rest = width - taken - bar - _GAP
    made = Table.grid(padding=(0, _GAP, 0, 0))
    for key in keys:
        if key == "epochs" and bar >= _BARS[0]:
            made.add_column(width=bar)
        left = key in ("trial", "worker", "w")
        made.add_column(
            width=widths[key], no_wrap=True, justify="left" if left else "right"
        )
    if rest >= _LEAST_SETTINGS:
        made.add_column(width=rest, no_wrap=True, overflow="ellipsis", style="dim")
    for place, one in enumerate(running):
        row: list[RenderableType] = []
        for key in keys:
            if key == "epochs" and bar >= _BARS[0]:
                row.append(ProgressBar(max(1, one.epochs), one.epoch, width=bar))
            row.append(columns[key][place])
        if rest >= _LEAST_SETTINGS:
            row.append(Text(settings(one.trial)))
        made.add_row(*row)
    return made


def _layouts(several: bool) -> Iterable[list[str]]:
    """What a row may hold, from most to least."""
    full, short = (["worker"], ["w"]) if several else ([], [])
    yield ["trial", *full, "epochs", "score", "seconds"]
    yield ["trial", *full, "epochs", "value", "seconds"]
    yield ["trial", *short, "epochs", "value", "seconds"]
    yield ["trial", *short, "epochs", "value"]
    yield ["number", *short, "epochs", "value"]
    yield ["number", "epochs", "value"]


def _foot(standing: Standing, width: int, between: str) -> list[Text]:
    """How far the search is, folded between its parts."""
    parts = [(f"{standing.done}/{standing.total} trials", "bold")]
    best = standing.best
    if best is not None:
        goal = standing.goals[0].name
        parts.append((f"best {goal} {score(best.score)} (trial {best.number})", "cyan"))
    if standing.failed:
        parts.append((f"{standing.failed} failed", "red"))
    if standing.pruned:
        parts.append((f"{standing.pruned} pruned", ""))
    parts.append((ticking(standing.elapsed), ""))
    left = standing.left
    if left is not None:
        parts.append((f"about {roughly(left)} left", ""))
    lines = [Text()]
    for text, style in parts:
        line = lines[-1]
        if line and len(line) + len(between) + len(text) > width:
            line = Text()
            lines.append(line)
        if line:
            line.append(between, "dim")
        line.append(text, style)
    return lines


def ticking(seconds: float) -> str:
    """Write a time that is counted on a screen.

    Example:
        >>> ticking(7.9), ticking(67), ticking(3725)
        ('0:07', '1:07', '1:02:05')
    """
    minutes, left = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"


def roughly(seconds: float) -> str:
    """Write a time that is not known well.

    Example:
        >>> [roughly(seconds) for seconds in (3.2, 44, 100, 5000, 100000)]
        ['3 s', '40 s', '2 min', '1 h 23 min', '27 h']
    """
    if seconds < 10:
        return f"{seconds:.0f} s"
    if seconds < 55:
        return f"{round(seconds, -1):.0f} s"
    minutes = max(1, round(seconds / 60))
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 10 else f"{hours} h"
