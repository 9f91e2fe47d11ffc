"""The arguments of `kerasblocks best` and `kerasblocks report`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any, TextIO

from _kerasblocks_cli.errors import CommandError, did_you_mean
from _kerasblocks_cli.parsing import add_command, whole
from _kerasblocks_cli.searches import MEMORY
from _kerasblocks_cli.start import start

_BEST = """\
Print which trial of a search is the best: its scores, hyperparameters and costs, its
results on the test data, and how to load it. With --export, write its model elsewhere.

examples:
  kerasblocks best runs/digits
  kerasblocks best runs/digits --rank 2 --json
  kerasblocks best runs/digits --export model.keras

exit code: 0; 1 if no trial has completed or the model cannot be written, 2 for wrong
use
"""
_REPORT = """\
Write a search's report: one HTML file that needs nothing else, and its charts as PNG.
It reads what the search has stored and changes none of it, so it can be run while the
search still runs, after a crash, and on a folder copied from elsewhere.

examples:
  kerasblocks report runs/digits
  kerasblocks report runs/digits --out digits.html
"""
_FORMS = ".keras, .weights.h5, .onnx, or no ending for the folder of a SavedModel"


def add_best(commands: Any) -> None:
    """Add `best` to the commands."""
    parser = add_command(
        commands,
        "best",
        _run_best,
        _BEST,
        about="print which trial of a search is the best, and export its model",
    )
    _add_folder(parser)
    which = parser.add_mutually_exclusive_group()
    which.add_argument(
        "--trial", type=whole(1), metavar="N", help="this trial, in place of the best"
    )
    which.add_argument(
        "--rank", type=whole(1), metavar="K", help="the Kth best (default: 1)"
    )
    parser.add_argument(
        "--export",
        type=Path,
        metavar="FILE",
        help="write the model: .keras, .weights.h5 (weights only) or .onnx; a name "
        "without an ending is the folder of a SavedModel",
    )
    parser.add_argument(
        "--force", action="store_true", help="let --export replace what is there"
    )
    parser.add_argument(
        "--json", action="store_true", help="print one JSON object instead"
    )


def add_report(commands: Any) -> None:
    """Add `report` to the commands."""
    parser = add_command(
        commands,
        "report",
        _run_report,
        _REPORT,
        about="write what a search found as a page and pictures",
    )
    _add_folder(parser)
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="the HTML file (default: DIR/report.html); the pictures go to a folder "
        "beside it, of the same name without .html",
    )


def _add_folder(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="the search's folder, runs/NAME"
    )


def _run_best(options: argparse.Namespace, stream: TextIO | None) -> int:
    _require_search(options.folder)
    if options.export is not None:
        _check_export(options.export, options.force)
    elif options.force:
        raise CommandError("--force requires --export")
    return start("best")(options, stream)


def _run_report(options: argparse.Namespace, stream: TextIO | None) -> int:
    _require_search(options.folder)
    return start("report")(options, stream)


def _require_search(folder: Path) -> None:
    if (folder / MEMORY).is_file():
        return
    places = {folder.parent, Path("runs")}
    near = [str(file.parent) for place in places for file in place.glob(f"*/{MEMORY}")]
    if folder.is_dir():
        inside = sorted(str(file.parent) for file in folder.glob(f"*/{MEMORY}"))
        hint = f" (in it: {', '.join(inside)})" if inside else ""
        raise CommandError(f"{folder} holds no search{hint}")
    hint = did_you_mean(str(folder), near)
    if not hint and str(Path("runs") / folder) in near:
        hint = f"; did you mean {Path('runs') / folder}?"
    raise CommandError(f"no search in {folder}{hint}")


def _check_export(target: Path, force: bool) -> None:
    form = export_form(target)
    if form is None:
        raise CommandError(
            f"--export: expected a name that ends with {_FORMS}, got {target.name!r}"
        )
    if not target.absolute().parent.is_dir():
        raise CommandError(f"--export: there is no folder {target.parent}")
    if not os.path.lexists(target):
        return
    if not force:
        raise CommandError(f"--export: {target} exists; --force replaces it")
    saved_model = (target / "saved_model.pb").is_file()
    if target.is_dir() and not (form == "tf_saved_model" and saved_model):
        raise CommandError(
            f"--export: {target} is a folder that holds no SavedModel, so --force does "
            "not replace it"
        )


def export_form(target: Path) -> str | None:
    """The form of a model to write, by the ending of its name; None for any other.

    Example:
        >>> export_form(Path("a.weights.h5")), export_form(Path("a.pt"))
        ('weights', None)
    """
    name = target.name.lower()
    if name.endswith(".weights.h5"):
        return "weights"
    return {".keras": "keras", ".onnx": "onnx", "": "tf_saved_model"}.get(
        Path(name).suffix
    )
