"""What a search says while it runs, on a terminal and elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from typing import Any, TextIO

import keras_tuner as kt
from rich import box
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

from kerasblocks.search.results import Result, tunable, varying
from kerasblocks.search.trial import FAILED, PRUNED, Trial


class Display:
    """Plain lines, one for each thing worth reading.

    Args:
        stream: Where they go; standard output by default.

    Example:
        >>> Display(sys.stdout).line("trial 1")
        trial 1
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.best: float | None = None
        self.total = 0

    def line(self, text: str) -> None:
        """Say one line."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def begin(self, goal: kt.Objective, done: int, total: int, best: Any) -> None:
        """The trials begin: so many are done, and the best score so far is this."""
        self.goal, self.total, self.best = goal, total, best

    def trial_begins(
        self, number: int, values: Mapping[str, Any], epochs: int, worker: str
    ) -> None:
        """A trial begins."""

    def trial_failed(self, trial: Trial) -> None:
        """A trial failed and runs again."""
        last = trial.attempts[-1]
        self.line(f"trial {trial.number} failed and runs again: {last.error}")

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """A trial's epoch ended."""

    def trial_ends(self, trial: Trial) -> None:
        """A trial ended."""
        head = f"trial {trial.number:>{len(str(self.total))}}/{self.total}"
        settings = " ".join(
            f"{name}={say(trial.values[name])}" for name in tunable(trial)
        )
        seconds = f"{trial.seconds or 0:.1f} s"
        if trial.status == FAILED:
            self.line(f"{head}  FAILED after {seconds}: {trial.error}  {settings}")
            return
        if trial.status == PRUNED:
            self.line(
                f"{head}  pruned after {len(trial.epochs)} epochs, {self.goal.name} "
                f"{trial.score:.4f}  {seconds:>6}  {settings}"
            )
            return
        better = self.best is None or self.goal.better_than(trial.score, self.best)
        if better:
            self.best = trial.score
        self.line(
            f"{head}  {self.goal.name} {trial.score:.4f}{'*' if better else ' '} "
            f"{trial.params or 0:>9,} params  {seconds:>6}  {settings}"
        )

    def end(self) -> None:
        """The trials are over."""

    def results(self, result: Result, rows: int = 10) -> None:
        """Show the table of the best trials."""
        if not result.ranked:
            self.line("no trial has completed")
            return
        # Off a terminal nothing may be cut to 80 columns: it may be read by a
        # program, or in a wider window.
        width = None if self.stream.isatty() else 10_000
        console = Console(file=self.stream, width=width, highlight=False)
        table = _table(result, rows)
        wide = Console(width=10_000).measure(table).maximum
        if wide > console.width:
            table = _table(result, rows, folded=True)
        with console.capture() as capture:
            console.print(table)
        self.line("\n".join(row.rstrip() for row in capture.get().splitlines()))


class LiveDisplay(Display):
    """The same lines, and under them the trial that runs, as it runs."""

    def begin(self, goal: kt.Objective, done: int, total: int, best: Any) -> None:
        """Start the live part."""
        super().begin(goal, done, total, best)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}"),
            console=Console(file=self.stream, highlight=False),
            transient=True,
            refresh_per_second=8,
        )
        note = "" if best is None else f"best {best:.4f}"
        self._all = self._progress.add_task(
            "trials", total=total, completed=done, note=note
        )
        self._one: Any = None
        self._progress.start()

    def trial_begins(
        self, number: int, values: Mapping[str, Any], epochs: int, worker: str
    ) -> None:
        """Show the trial that begins."""
        note = " ".join(f"{name}={say(value)}" for name, value in values.items())
        self._one = self._progress.add_task(
            f"trial {number}", total=epochs, note=note[:60]
        )

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """Move the trial's bar."""
        value = metrics.get(self.goal.name)
        note = "" if value is None else f"{self.goal.name} {value:.4f}"
        self._progress.update(self._one, completed=epoch, note=note)

    def trial_ends(self, trial: Trial) -> None:
        """Say the trial's line and take its bar away."""
        self._progress.remove_task(self._one)
        super().trial_ends(trial)
        note = "" if self.best is None else f"best {self.best:.4f}"
        self._progress.update(self._all, advance=1, note=note)

    def line(self, text: str) -> None:
        """Say one line above the live part."""
        progress = getattr(self, "_progress", None)
        if progress is None:
            super().line(text)
        else:
            progress.console.print(text, markup=False, soft_wrap=True)

    def end(self) -> None:
        """Take the live part away."""
        progress = getattr(self, "_progress", None)
        if progress is not None:
            progress.stop()
            self._progress = None


def _table(result: Result, rows: int, folded: bool = False) -> Table:
    names = varying(result.finished)
    columns = ["hyperparameters"] if folded else names
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in ("rank", "trial", result.goal.name, "params", "seconds", *columns):
        left = folded and name == "hyperparameters"
        table.add_column(name, justify="left" if left else "right", overflow="fold")
    for place, trial in enumerate(result.ranked[:rows], 1):
        values = {name: say(trial.values.get(name, "-")) for name in names}
        settings = [" ".join(f"{name}={value}" for name, value in values.items())]
        table.add_row(
            str(place),
            str(trial.number),
            f"{trial.score:.4f}",
            f"{trial.params or 0:,}",
            f"{trial.seconds or 0:.1f}",
            *(settings if folded else values.values()),
        )
    return table


def display_for(stream: TextIO | None = None) -> Display:
    """Return the display that suits a stream: live on a terminal, else plain."""
    stream = stream or sys.stdout
    return LiveDisplay(stream) if stream.isatty() else Display(stream)


def say(value: Any) -> str:
    """Write a hyperparameter's value short.

    Example:
        >>> say(0.00123456), say("same"), say(True)
        ('0.00123', 'same', 'True')
    """
    if isinstance(value, float):
        return f"{value:.3g}"
    return str(value)


def duration(seconds: float) -> str:
    """Write a time as people say it.

    Example:
        >>> duration(7.24), duration(127)
        ('7.2 s', '2 min 7 s')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds // 60)} min {seconds % 60:.0f} s"


def since(begun: float) -> str:
    """Write the time since a `time.monotonic()`."""
    return duration(time.monotonic() - begun)
