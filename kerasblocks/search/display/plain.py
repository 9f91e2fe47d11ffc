"""Plain lines, for a file, a pipe or a terminal that cannot do more."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from kerasblocks.search.display.standing import Standing
from kerasblocks.search.display.table import table
from kerasblocks.search.display.words import (
    last_lines,
    score,
    scores,
    settings,
    standing,
)
from kerasblocks.search.report.words import count, duration
from kerasblocks.search.results import Result
from kerasblocks.search.trial import FAILED, PRUNED, Trial

_STOPPED = {
    "exhausted": "the search ends early: the oracle found no point that was not tried",
    "time": "the time is up",
    "interrupted": "interrupted",
    "lost": "what ran the trials is gone",
}
_INDENT = "    "


class Display:
    """Plain lines, one for each thing worth reading.

    A reader that goes away, as `head` does, does not end the search.

    Args:
        stream: Where they go; standard output by default.

    Example:
        >>> Display(sys.stdout).line("trial 1")
        trial 1
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def line(self, text: str, style: str = "") -> None:
        """Say one line.

        Args:
            text: The line.
            style: How it looks where there are colours, as rich names it.
        """
        self.write(text + "\n")

    def write(self, text: str) -> None:
        """Write to the stream, as long as there is a reader."""
        try:
            try:
                self.stream.write(text)
            except UnicodeEncodeError as error:
                plain = text.encode(error.encoding, "backslashreplace")
                self.stream.write(plain.decode(error.encoding))
            self.stream.flush()
        except (OSError, ValueError):  # a pipe without a reader, a full disk, closed
            _silence(self.stream)
            self.stream = Nowhere()

    def moving_aside(self, folder: Path, aside: Path, earlier: Result | None) -> None:
        """An earlier search is about to be moved.

        Args:
            folder: From where.
            aside: To where.
            earlier: What it holds; None if that cannot be read.
        """
        holds = "unreadable"
        if earlier is not None:
            holds = count(len(earlier.finished), "finished trial")
            if earlier.best is not None:
                best = scores(earlier.best, earlier.goals)
                holds += f", the best {best} in trial {earlier.best.number}"
        self.line(f"the earlier search in {folder} ({holds}) is moved to {aside}")

    def opened(self, result: Result, total: int) -> None:
        """The study is open.

        Args:
            result: What it holds.
            total: How many trials there are to be.
        """
        stands = standing(len(result.finished), total)
        self.line(f"study {result.name!r}: {stands} (folder {result.folder})")

    def begin(
        self, result: Result, total: int, slots: int = 1, until: float | None = None
    ) -> None:
        """The trials begin.

        Args:
            result: The results so far.
            total: How many trials there are to be.
            slots: How many run at once.
            until: The `time.monotonic()` at which the search ends, or None.
        """
        self.standing = Standing(result, total, slots, until)

    def trial_begins(self, trial: Trial, epochs: int) -> None:
        """A trial begins, or goes on, to train up to an epoch."""
        self.standing.begins(trial, epochs)

    def epoch(self, number: int, epoch: int, metrics: Mapping[str, Any]) -> None:
        """A trial's epoch ended."""
        self.standing.epoch(number, epoch, metrics)

    def trial_failed(self, trial: Trial) -> None:
        """A trial failed and is to run again."""
        self.standing.stops(trial)
        last = trial.attempts[-1]
        who = f" ({last.worker})" if self.standing.several else ""
        head = f"trial {trial.number}{who} failed and runs again: {last.error}"
        self._failure(head, trial, style="yellow")

    def trial_ends(self, trial: Trial) -> None:
        """A trial ended."""
        better = self.standing.ends(trial)
        total, goals = self.standing.total, self.standing.goals
        head = f"trial {trial.number:>{len(str(total))}}/{total}"
        seconds = duration(trial.seconds or 0.0)
        who = ""
        if self.standing.several and trial.attempts:
            who = f"{trial.attempts[-1].worker}  "
        if trial.status == FAILED:
            again = len(trial.attempts)
            which = f" (attempt {again})" if again > 1 else ""
            text = f"{head}  {who}FAILED after {seconds}: {trial.error}{which}"
            self._failure(text, trial, style="red")
        elif trial.status == PRUNED:
            epochs = count(len(trial.epochs), "epoch")
            self.line(
                f"{head}  pruned after {epochs}, {goals[0].name} "
                f"{score(trial.score)}  {seconds:>6}  {who}{settings(trial)}",
                style="dim",
            )
        else:
            size = ""
            if all(goal.name != "parameters" for goal in goals):
                size = f" {trial.params or 0:>9,} params"
            self.line(
                f"{head}  {scores(trial, goals, '*' if better else ' ')}{size}  "
                f"{seconds:>6}  {who}{settings(trial)}",
                style="bold" if better else "",
            )

    def end(self) -> None:
        """The trials are over; a second call does nothing."""

    def stopped(self, why: str, result: Result, total: int) -> None:
        """The search ends before it has its trials.

        Args:
            why: `"exhausted"`, `"time"`, `"interrupted"` or `"lost"`.
            result: What it holds.
            total: How many trials there were to be.
        """
        if why == "exhausted":
            self.line(_STOPPED[why])
            return
        kept = f"{len(result.finished)} of {total} trials are finished"
        if result.best is not None:
            kept += f", the best with {result.goal.name} {score(result.best.score)}"
        self.line(f"{_STOPPED[why]}: {kept}; all is kept in {result.folder}")
        self.line("run the same command again to go on from there")

    def results(self, result: Result, rows: int = 10) -> None:
        """Show the best trials, and what the best does on the test data."""
        if not result.ranked:
            self.line("no trial has completed")
            return
        self.write(table(result, self.stream, rows))
        if result.best is not None and result.test is not None:
            words = ", ".join(f"{name} {score(v)}" for name, v in result.test.items())
            self.line(
                f"held-out test data, best model (trial {result.best.number}): {words}"
            )

    def finished(self, result: Result, files: list[Path], seconds: float) -> None:
        """The search is over, and its files are written.

        Args:
            result: What came out.
            files: What there is to read in the folder.
            seconds: How long this run took.
        """
        names = ", ".join(file.name for file in files)
        self.line(f"in {result.folder}: {names} ({duration(seconds)})")

    def _failure(self, head: str, trial: Trial, style: str) -> None:
        last = trial.attempts[-1] if trial.attempts else None
        self.line(head, style)
        values = settings(trial)
        if values:
            self.line(f"{_INDENT}{values}")
        if last is not None:
            for text in last_lines(last.traceback, last.error):
                self.line(f"{_INDENT}{text}", "dim")


class Nowhere(io.StringIO):
    """A stream that nobody reads."""

    def write(self, text: str) -> int:
        """Forget it."""
        return len(text)


def _silence(stream: TextIO) -> None:
    """Let Python's exit not complain of a rest that cannot be written."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
    except (OSError, ValueError, AttributeError):
        pass
