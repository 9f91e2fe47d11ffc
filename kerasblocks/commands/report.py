"""`kerasblocks report DIR`: write what a search found as a page to read."""

from __future__ import annotations

import argparse
from typing import TextIO

from _kerasblocks_cli.errors import CommandError
from kerasblocks.search import StudyError, read
from kerasblocks.search.report import write_report


def run(options: argparse.Namespace, stream: TextIO | None) -> int:
    """Run the command; return the exit code."""
    try:
        written = write_report(read(options.folder), options.out)
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
