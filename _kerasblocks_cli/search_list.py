"""Prints the list of searches, as a table or as JSON."""

from __future__ import annotations

import dataclasses
import json
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TextIO

from _kerasblocks_cli.errors import CommandError, did_you_mean
from _kerasblocks_cli.searches import BROKEN, RUNNING, Row, ago, rows

_STYLES = {RUNNING: "green", BROKEN: "red"}


def show(folder: Path, stream: TextIO | None = None) -> None:
    """Print the searches in a folder.

    Args:
        folder: The folder.
        stream: Where JSON goes, one object a search; None for a table.

    Raises:
        CommandError: There is no such folder.
    """
    if not folder.is_dir():
        try:
            beside = [str(path) for path in folder.parent.iterdir() if path.is_dir()]
        except OSError:
            beside = []
        raise CommandError(f"no folder {folder}{did_you_mean(str(folder), beside)}")
    try:
        found = rows(folder)
    except OSError as error:
        raise CommandError(f"{folder} cannot be read: {error.strerror}") from error
    if stream is not None:
        for row in found:
            stream.write(json.dumps(dataclasses.asdict(row)) + "\n")
        stream.flush()
    elif not found:
        print(f"no search in {folder}")
    else:
        _print(found)


def _print(found: Sequence[Row]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    wide = None if sys.stdout.isatty() else 10_000
    console = Console(width=wide, highlight=False)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for head in ("folder", "study", "trials", "best", "objective", "active", "state"):
        right = head in ("trials", "best")
        table.add_column(head, justify="right" if right else "left", no_wrap=True)
    for row in found:
        cells = _cells(row)
        table.add_row(*cells[:-1], Text(cells[-1], _STYLES.get(row.state, "")))
    if Console(width=10_000).measure(table).maximum <= console.width:
        with console.capture() as capture:
            console.print(table)
        print("\n".join(line.rstrip() for line in capture.get().splitlines()))
    else:
        for row in found:
            console.print(Text(row.folder, "bold"), soft_wrap=True)
            text = ", ".join(_parts(row))
            print(
                textwrap.fill(
                    text, console.width, initial_indent="  ", subsequent_indent="      "
                )
            )
    for row in found:
        if row.error is not None:
            console.print(f"{row.folder}: {row.error}", markup=False, soft_wrap=True)


def _parts(row: Row) -> list[str]:
    """The same without columns."""
    _, study, trials, best, objective, active, state = _cells(row)
    parts = [state]
    if row.error is None:
        parts += [study, f"{trials} trials", active]
    if row.best is not None:
        parts.append(f"best {objective.partition(',')[0]} {best}")
    return parts


def _cells(row: Row) -> list[str]:
    done = "-" if row.finished is None else str(row.finished)
    if row.trials is not None:
        done += f"/{row.trials}"
    best = "-" if row.best is None else f"{row.best:.4g}"
    goals = ", ".join(row.objectives) or "-"
    return [row.folder, row.study or "-", done, best, goals, ago(row.active), row.state]
