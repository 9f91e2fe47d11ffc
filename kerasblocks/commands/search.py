"""`kerasblocks search STUDY`: run the search of a file, or list searches."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import logging
import os
import sys
from pathlib import Path
from typing import Any, TextIO

from kerasblocks.commands.durations import seconds
from kerasblocks.commands.errors import CommandError, did_you_mean
from kerasblocks.commands.json_lines import json_lines
from kerasblocks.commands.options import whole
from kerasblocks.commands.quiet import quiet_start
from kerasblocks.commands.search_list import show

_DESCRIPTION = """\
Run the search that a Python file describes as `study = kerasblocks.search.Study(...)`.
Run again, it goes on where it stopped: what has finished is not repeated.
"""
_EXAMPLES = """\
examples:
  kerasblocks search tuning/digits.py
  kerasblocks search tuning/digits.py --trials 40 --workers 2 --time 1h30m
  kerasblocks search tuning/digits.py --objective val_accuracy,macs --out runs/small
  kerasblocks search --list

exit code: 0 when the search has its trials or its time is up, 1 if it failed or what
ran the trials is gone, 2 for a wrong study or wrong use, 130 after Ctrl-C
"""
_RUNS = "runs"


def add_to(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "search",
        help="search a study's hyperparameters, or go on with a search",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        usage="kerasblocks search STUDY [options]\n"
        "       kerasblocks search --list [DIR] [--json]",
    )
    parser.set_defaults(run=run, fail=parser.error)
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
        help="say everything as JSON, one object a line (their fields: "
        "kerasblocks.search.display.events)",
    )
    add(
        "--list",
        nargs="?",
        const=_RUNS,
        metavar="DIR",
        help=f"list the searches in DIR (default: {_RUNS}) and run none",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    if options.list is not None:
        _refuse_beside_list(options)
    elif options.study is None:
        options.fail("the following arguments are required: STUDY")
    try:
        with json_lines() if options.json else contextlib.nullcontext() as stream:
            if options.list is not None:
                show(Path(options.list), stream)
            else:
                _search(options, stream)
    except _Interrupted:
        return 130
    return 0


class _Interrupted(KeyboardInterrupt):
    """Ctrl-C of which the search has said what is kept."""


def _search(options: argparse.Namespace, stream: TextIO | None) -> None:
    wrong = _wrong_path(Path(options.study))
    if wrong:
        raise CommandError(wrong)
    noisy = "TF_CPP_MIN_LOG_LEVEL" in os.environ
    with quiet_start():
        import keras

        from kerasblocks.search import (
            ExecutorLost,
            SearchFailed,
            StudyError,
            load_study,
            run,
        )
        from kerasblocks.search.display import JsonDisplay, display_for

        # Under every backend Keras loads TensorFlow, if it is there, for its seed.
        keras.utils.set_random_seed(0)
    if not noisy:  # of retracing, as each trial is another model
        logging.getLogger("tensorflow").setLevel(logging.ERROR)
    try:
        study = load_study(options.study)
        if options.objective is not None:
            study = _with_objectives(study, options.objective)
        display = JsonDisplay(stream) if stream else display_for(sys.stdout)
    except StudyError as error:
        raise CommandError(str(error)) from error
    try:
        run(
            study,
            out=options.out,
            trials=options.trials,
            seconds=options.time,
            seed=options.seed,
            fresh=options.fresh,
            workers=options.workers,
            ray=options.ray,
            display=display,
        )
    except StudyError as error:
        raise CommandError(str(error)) from error
    except (SearchFailed, ExecutorLost, ConnectionError) as error:
        raise CommandError(str(error), code=1) from error
    except KeyboardInterrupt as interrupt:
        raise _Interrupted from interrupt


def _with_objectives(study: Any, text: str) -> Any:
    """The study with other objectives; those that it has keep their direction."""
    from kerasblocks.search.objectives import objectives

    names = [name.strip() for name in text.split(",")]
    if not all(names):
        raise CommandError(
            f"--objective: expected names with commas between, got {text!r}"
        )
    known = {goal.name: goal for goal in study.goals}
    wanted = [known.get(name, name) for name in names]
    try:
        found = objectives(wanted)
    except ValueError as error:
        raise CommandError(f"--objective: expected {error}") from error
    return dataclasses.replace(study, objective=found)


def _refuse_beside_list(options: argparse.Namespace) -> None:
    others = ("trials", "time", "workers", "ray", "seed", "objective", "out")
    given = [f"--{name}" for name in others if getattr(options, name) is not None]
    given += [f"--{name}" for name in ("resume", "fresh") if getattr(options, name)]
    if options.study is not None:
        given.insert(0, f"the study {options.study}")
    if given:
        options.fail(f"--list runs no search: leave out {', '.join(given)}")


def _wrong_path(path: Path) -> str:
    """Say what is wrong with a study's path, before Keras takes its seconds."""
    if path.is_dir():
        files = ", ".join(sorted(file.name for file in path.glob("*.py"))) or "none"
        return f"{path} is a folder; expected a study's Python file (in it: {files})"
    if path.is_file():
        return ""
    beside = [str(file) for file in path.parent.glob("*.py")]
    return f"no study file at {path}{did_you_mean(str(path), beside)}"
