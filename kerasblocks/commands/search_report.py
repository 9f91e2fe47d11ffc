"""`kerasblocks report DIR`: write what a search found as a page to read."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from kerasblocks.commands.errors import CommandError, did_you_mean
from kerasblocks.commands.quiet import quiet_start

_DESCRIPTION = """\
Write a search's report: one HTML file that needs nothing else, and its charts as PNG.
It reads what the search remembers and changes none of it, so that it may be run while
the search still runs, after a crash, and on a folder copied from elsewhere.
"""
_EXAMPLES = """\
examples:
  kerasblocks report runs/digits
  kerasblocks report runs/digits --out digits.html
"""


def add_to(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "report",
        help="write what a search found as a page and pictures",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    parser.add_argument("folder", metavar="DIR", help="the search's folder, runs/NAME")
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="the HTML file (default: DIR/report.html); the pictures go to a folder "
        "beside it, of the same name without .html",
    )


def run(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    folder = Path(options.folder)
    if not folder.is_dir():
        beside = [str(path) for path in folder.parent.glob("*") if path.is_dir()]
        near = did_you_mean(str(folder), beside)
        raise CommandError(f"no folder of a search at {folder}{near}")
    with quiet_start():
        from kerasblocks.search import StudyError, read
        from kerasblocks.search.report import write_report
    try:
        written = write_report(read(folder), options.out)
    except (StudyError, ValueError) as error:
        raise CommandError(
            str(error).replace("write_report: 'out'", "--out")
        ) from error
    except OSError as error:
        raise CommandError(
            f"the report cannot be written: {error.strerror} ({error.filename})", code=1
        ) from error
    pictures = written.with_suffix("")
    print(f"{written} and {len(list(pictures.glob('*.png')))} pictures in {pictures}")
    return 0
