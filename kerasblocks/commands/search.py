"""`kerasblocks search STUDY`: run the search that a file describes."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kerasblocks.commands.errors import CommandError, did_you_mean
from kerasblocks.commands.options import whole
from kerasblocks.commands.quiet import quiet_start


def add_to(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "search",
        help="search a study's hyperparameters, or go on with a search",
        description="Run the search that a Python file describes as `study = "
        "kerasblocks.search.Study(...)`. Run again, it goes on where it stopped.",
    )
    parser.set_defaults(run=run)
    parser.add_argument("study", metavar="STUDY", help="the study's Python file")
    parser.add_argument(
        "--trials",
        type=whole(1),
        metavar="N",
        help="how many trials in all (more than before extends a search)",
    )
    parser.add_argument(
        "--out", metavar="DIR", help="folder for the results (default: runs/NAME)"
    )
    parser.add_argument(
        "--seed", type=whole(0), metavar="N", help="in place of the study's seed"
    )
    parser.add_argument(
        "--fresh",
        action="store_true",
        help="begin anew; an earlier search is moved aside, not deleted",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    wrong = _wrong_path(Path(options.study))
    if wrong:
        raise CommandError(wrong)
    with quiet_start():
        from kerasblocks.search import SearchFailed, StudyError, load_study, run
    try:
        study = load_study(options.study)
        run(
            study,
            out=options.out,
            trials=options.trials,
            seed=options.seed,
            fresh=options.fresh,
        )
    except StudyError as error:
        raise CommandError(str(error)) from error
    except SearchFailed as error:
        raise CommandError(str(error), code=1) from error
    except KeyboardInterrupt:
        return 130  # the search has said what is kept
    return 0


def _wrong_path(path: Path) -> str:
    """Say what is wrong with a study's path, before Keras takes its seconds."""
    if path.is_dir():
        files = ", ".join(sorted(file.name for file in path.glob("*.py"))) or "none"
        return f"{path} is a folder; expected a study's Python file (in it: {files})"
    if path.is_file():
        return ""
    beside = [str(file) for file in path.parent.glob("*.py")]
    return f"no study file at {path}{did_you_mean(str(path), beside)}"
