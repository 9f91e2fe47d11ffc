"""The best trials as a table that fits where it is shown."""

from __future__ import annotations

from typing import TextIO

from rich import box
from rich.console import Console
from rich.table import Table

from kerasblocks.search.display.words import fold, score, scores
from kerasblocks.search.report.tables import value_of
from kerasblocks.search.report.words import duration, number, setting
from kerasblocks.search.results import Result, varying
from kerasblocks.search.trial import Trial

# With less room for the hyperparameters than this, a table is no table.
_LEAST_ROOM = 24


def table(result: Result, stream: TextIO, rows: int = 10) -> str:
    """Return the best trials, as text that ends its lines.

    With one objective they are ranked by it. With several those come first that no
    other trial beats in all of them (the Pareto front).

    Args:
        result: What to show.
        stream: Where it goes: to a terminal's width it is folded, elsewhere it is
            as wide as it is, since it may be read by a program.
        rows: How many trials at most.
    """
    width = None if stream.isatty() else 10_000
    console = Console(file=stream, width=width, highlight=False)
    trials = chosen(result, rows)
    names = varying(result.finished)
    made = _table(result, trials, names)
    if _width(made) > console.width:
        made = _table(result, trials, names, folded=True)
        bare = _width(_table(result, trials, []))
        if console.width - bare < _LEAST_ROOM:
            return _stacked(result, trials, names, console.width)
    with console.capture() as capture:
        console.print(made)
    return "\n".join(row.rstrip() for row in capture.get().splitlines()) + "\n"


def chosen(result: Result, rows: int) -> list[Trial]:
    """Return the trials that are worth showing, in the order to show them in.

    Args:
        result: The results.
        rows: How many at most.
    """
    if len(result.goals) == 1:
        return result.ranked[:rows]
    front = result.front
    return [*front, *(trial for trial in result.ranked if trial not in front)][:rows]


def _width(made: Table) -> int:
    return Console(width=10_000).measure(made).maximum


def _table(
    result: Result, trials: list[Trial], names: list[str], folded: bool = False
) -> Table:
    several = len(result.goals) > 1
    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    heads = ["front" if several else "rank", "trial"]
    heads += [goal.name for goal in result.goals]
    heads += [] if "parameters" in heads else ["params"]
    heads += ["seconds", *(["hyperparameters"] if folded else names)]
    for head in heads:
        left = folded and head == "hyperparameters"
        made.add_column(head, justify="left" if left else "right", overflow="fold")
    front = result.front if several else []
    for place, trial in enumerate(trials, 1):
        others = [number(value_of(trial, goal.name)) for goal in result.goals[1:]]
        size = [] if "parameters" in heads else [number(trial.params)]
        values = [setting(trial.values.get(name, "-")) for name in names]
        made.add_row(
            ("yes" if trial in front else "") if several else str(place),
            str(trial.number),
            score(trial.score),
            *others,
            *size,
            f"{trial.seconds or 0:.1f}",
            *([_pairs(trial, names)] if folded else values),
        )
    return made


def _stacked(result: Result, trials: list[Trial], names: list[str], width: int) -> str:
    """The same as a list, where there is no room for columns."""
    lines: list[str] = []

    def add(text: str, indent: str) -> None:
        lines.extend(fold(f"{indent}{text}", width))

    several = len(result.goals) > 1
    front = result.front if several else []
    for place, trial in enumerate(trials, 1):
        mark = ("front: " if trial in front else "") if several else f"{place}. "
        size = "" if trial.params is None else f", {number(trial.params)} params"
        if any(goal.name == "parameters" for goal in result.goals):
            size = ""
        took = duration(trial.seconds or 0.0)
        said = scores(trial, result.goals)
        add(f"{mark}trial {trial.number}  {said}{size}, {took}", "")
        add(_pairs(trial, names), "  ")
    return "\n".join(lines) + "\n"


def _pairs(trial: Trial, names: list[str]) -> str:
    """The hyperparameters that a trial has, as text to be folded."""
    return " ".join(
        f"{name}={setting(trial.values[name])}"
        for name in names
        if name in trial.values
    )
