"""The arguments of `kerasblocks search`."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, TextIO

from _kerasblocks_cli.errors import CommandError, require_file
from _kerasblocks_cli.parsing import add_command, seconds, whole
from _kerasblocks_cli.search_list import show
from _kerasblocks_cli.start import start

_TEXT = """\
Run the search that a Python file describes as `study = kerasblocks.search.Study(...)`.
Run again, it goes on where it stopped: what has finished is not repeated.

examples:
  kerasblocks search tuning/digits.py
  kerasblocks search tuning/digits.py --trials 40 --workers 2 --time 1h30m
  kerasblocks search tuning/digits.py --objective val_accuracy,macs --out runs/small
  kerasblocks search --list

exit code: 0 when the search has its trials or its time is up, 1 if it failed or what
ran the trials is gone, 2 for a wrong study or wrong use, 130 after Ctrl-C
"""
_RUNS = "runs"


def add_search(commands: Any) -> None:
    """Add `search` to the commands."""
    parser = add_command(
        commands,
        "search",
        _run,
        _TEXT,
        about="search a study's hyperparameters, or go on with a search",
        usage="kerasblocks search STUDY [options]\n"
        "       kerasblocks search --list [DIR] [--json]",
    )
    add = parser.add_argument
    add("study", metavar="STUDY", nargs="?", help="the study's Python file")
    add(
        "--trials",
        type=whole(1),
        metavar="N",
        help="how many trials in all (more than before extends a search)",
    )
    add(
        "--time",
        type=seconds,
        metavar="T",
        help="end after this time, as 90, 90s, 10m or 1h30m; run again, it goes on",
    )
    add(
        "--workers",
        type=whole(1),
        metavar="N",
        help="run trials in N processes, which share the machine's cores (default: in "
        "this process, one at a time); with --ray, how many of the cluster's workers",
    )
    add(
        "--ray",
        metavar="ADDRESS",
        help="run trials on the Ray cluster at ADDRESS; 'local' starts one here",
    )
    add("--seed", type=whole(0), metavar="N", help="in place of the study's seed")
    add(
        "--objective",
        metavar="NAME[,NAME...]",
        help="in place of the study's objective: a metric that training reports, like "
        "val_loss; after it, costs: parameters, macs, memory, latency",
    )
    kept = parser.add_mutually_exclusive_group()
    kept.add_argument(
        "--resume",
        action="store_true",
        help="go on with the search in the folder, if there is one (the default)",
    )
    kept.add_argument(
        "--fresh",
        action="store_true",
        help="begin anew; an earlier search is moved aside, not deleted",
    )
    add("--out", metavar="DIR", help="folder for the results (default: runs/NAME)")
    add(
        "--json",
        action="store_true",
        help="print everything as JSON, one object a line (their fields: "
        "kerasblocks.search.display.events)",
    )
    add(
        "--list",
        nargs="?",
        const=_RUNS,
        metavar="DIR",
        help=f"list the searches in DIR (default: {_RUNS}) and run none",
    )


def _run(options: argparse.Namespace, stream: TextIO | None) -> int:
    if options.list is not None:
        _refuse_beside_list(options)
        show(Path(options.list), stream)
        return 0
    if options.study is None:
        raise CommandError("the following arguments are required: STUDY")
    require_file(Path(options.study), "study file")
    return start("search")(options, stream)


def _refuse_beside_list(options: argparse.Namespace) -> None:
    others = ("trials", "time", "workers", "ray", "seed", "objective", "out")
    given = [f"--{name}" for name in others if getattr(options, name) is not None]
    given += [f"--{name}" for name in ("resume", "fresh") if getattr(options, name)]
    if options.study is not None:
        given.insert(0, f"the study {options.study}")
    if given:
        raise CommandError(f"--list runs no search: leave out {', '.join(given)}")
