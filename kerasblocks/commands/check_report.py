"""What `kerasblocks check` prints, on a terminal and elsewhere."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn
from rich.table import Table
from rich.text import Text

from kerasblocks.testing import Outcome

# A status in the table, its colour, and its words in the last line.
_STATUS = {
    "passed": ("passed", "green", "passed"),
    "failed": ("FAILED", "bold red", "failed"),
    "not applicable": ("n/a", "dim", "not applicable"),
    "expected failure": ("expected", "yellow", "failed as expected"),
    "unexpected pass": ("PASSED", "bold red", "passed unexpectedly"),
}


class Report:
    """Plain lines: one for each law as it is tried, then what is broken.

    Args:
        name: The name of what is checked.
        laws: The laws to try, each with what it says.
        snippets: Returns Python that shows what is broken.
        hint: A line to print if a plain call fails.
        stream: Where the lines go; standard output by default.
    """

    def __init__(
        self,
        name: str,
        laws: Mapping[str, str],
        snippets: Callable[[Outcome], str],
        hint: str = "",
        stream: TextIO | None = None,
    ):
        self.name, self.laws, self.snippets, self.hint = name, laws, snippets, hint
        self.stream = stream or sys.stdout
        self.outcomes: list[Outcome] = []
        self.untried = 0
        self._width = max(map(len, laws))

    @property
    def breaches(self) -> list[Outcome]:
        """The failures, and the passes that were expected to fail."""
        return [outcome for outcome in self.outcomes if outcome.is_breach]

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line."""
        self.stream.write(text + "\n")
        self.stream.flush()

    def begin(self, what: str) -> None:
        """The checks begin."""
        self.line(what, "bold")
        self.line()

    def outcome(self, outcome: Outcome) -> None:
        """A law was tried."""
        if outcome.status == "not applicable" and self._call_failed:
            self.untried += 1
            return
        self.outcomes.append(outcome)
        self.row(outcome, self.text(outcome))

    def text(self, outcome: Outcome) -> str:
        """The text after a law's name: what it says, or why it does not apply."""
        if outcome.status == "not applicable":
            return outcome.reason
        if outcome.status == "expected failure":
            return f"fails as expected: {outcome.reason}"
        if outcome.status == "unexpected pass":
            return f"passes, though expected to fail: {outcome.reason}"
        return self.laws[outcome.law]

    def row(self, outcome: Outcome, text: str) -> None:
        """Print the outcome of a law in one line."""
        status = _STATUS[outcome.status][0]
        self.line(f"{status:8}  {outcome.law:{self._width}}  {text}".rstrip())

    def stop(self) -> None:
        """End the live part, if there is one."""

    def end(self, seconds: float, interrupted: bool = False) -> None:
        """Print what is broken, and the totals."""
        for outcome in self.breaches:
            self.breach(outcome)
        self.line()
        broken = [outcome.law for outcome in self.breaches]
        counts = Counter(outcome.status for outcome in self.outcomes)
        parts = [
            f"{counts[status]} {words}"  # pyright: ignore[reportArgumentType]
            for status, (_, _, words) in _STATUS.items()
            if counts[status]  # pyright: ignore[reportArgumentType]
        ]
        if self.untried:
            parts.append(f"{self.untried} not tried, since a plain call fails")
        if interrupted:
            tried = f"{len(self.outcomes)} of {len(self.laws)} laws were tried"
            parts.insert(0, f"interrupted: {tried}")
        self.line(f"{self.name}: {', '.join(parts)} ({seconds:.1f} s)", "bold")
        if len(self.laws) > len(broken) > 0:
            again = " ".join(f"--law {law.removeprefix('check_')}" for law in broken)
            self.line(f"only {'this' if len(broken) == 1 else 'these'} again: {again}")

    def breach(self, outcome: Outcome) -> None:
        """Print one broken law: what happened, a fix, and Python that shows it."""
        self.line()
        self.line(f"--- {outcome.law}: {self.laws[outcome.law]}", "bold red")
        if outcome.status == "unexpected pass":
            self.line(f"passes, though expected to fail: {outcome.reason}")
            self.line("fix: remove this --expect.")
            return
        for other in self.breaches[: self.breaches.index(outcome)]:
            if (other.reason, other.snippet) == (outcome.reason, outcome.snippet):
                self.line(f"the same as {other.law}, above")
                return
        self.line(outcome.reason)
        if outcome.mend:
            self.line(f"fix: {outcome.mend}", "green")
        if self.hint and outcome.law == "check_call":
            self.line(self.hint, "green")
        if snippet := self.snippets(outcome):
            self.line()
            self.line(snippet, "code")

    @property
    def _call_failed(self) -> bool:
        return any(
            outcome.law == "check_call" and outcome.status == "failed"
            for outcome in self.outcomes
        )


class LiveReport(Report):
    """The same in colour, with a live line for the law that is being tried."""

    def begin(self, what: str) -> None:
        """Start the live part."""
        self._console = Console(file=self.stream, highlight=False)
        self._progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            console=self._console,
            transient=True,
            refresh_per_second=8,
        )
        super().begin(what)
        self._names = list(self.laws)
        self._task = self._progress.add_task(self._names[0], total=len(self.laws))
        self._progress.start()

    def outcome(self, outcome: Outcome) -> None:
        """Print the outcome, and show the next law."""
        super().outcome(outcome)
        after = self._names.index(outcome.law) + 1
        self._progress.update(
            self._task,
            completed=after,
            description=self._names[min(after, len(self._names) - 1)],
        )

    def row(self, outcome: Outcome, text: str) -> None:
        """Print the outcome of a law; its last column is wrapped within itself."""
        status, style, _ = _STATUS[outcome.status]
        row = Table.grid(padding=(0, 2, 0, 0))
        row.add_column(width=8)
        row.add_column(width=self._width)
        row.add_column()
        row.add_row(
            Text(status, style), Text(outcome.law), Text(text, _dim(outcome.status))
        )
        self._console.print(row)

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line in a style, without wrapping it."""
        style = "cyan" if style == "code" else style
        self._console.print(Text(text, style), soft_wrap=True)

    def stop(self) -> None:
        """Remove the live line."""
        self._progress.stop()


def _dim(status: Any) -> str:
    return "dim" if status == "not applicable" else ""


def report_for(
    name: str,
    laws: Mapping[str, str],
    snippets: Callable[[Outcome], str],
    hint: str = "",
    stream: TextIO | None = None,
) -> Report:
    """Return the report that suits a stream: live on a terminal, else plain."""
    stream = stream or sys.stdout
    kind = LiveReport if stream.isatty() else Report
    return kind(name, laws, snippets, hint, stream)
