"""The command line: `kerasblocks search`, `kerasblocks check`, `kerasblocks summary`.

Keras is imported as late as possible, so that `--help` and wrong arguments are
answered at once, and its backend's start-up lines do not reach the reader.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence

from kerasblocks.commands import check, search, summary
from kerasblocks.commands.errors import CommandError


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the command's name; the process's own by default.

    Returns:
        The exit code: 0; 1 where the search failed or the layer breaks a law, 2
        where the study, the target or the arguments are wrong, 130 after Ctrl-C.

    Example:
        >>> main(["search", "no_such_file.py"])
        2
    """
    options = _parser().parse_args(arguments)
    try:
        return options.run(options)
    except CommandError as error:
        return _error(str(error), error.code)
    except KeyboardInterrupt:
        return _error("interrupted", code=130)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="kerasblocks",
        description="Composite Keras layers, searches over them, and a contract and "
        "a summary for any layer.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    search.add_to(commands)
    check.add_to(commands)
    summary.add_to(commands)
    return parser


def _error(message: str, code: int) -> int:
    print(f"kerasblocks: error: {message}", file=sys.stderr)
    return code


def _version() -> str:
    try:
        return f"kerasblocks {importlib.metadata.version('kerasblocks')}"
    except importlib.metadata.PackageNotFoundError:
        return "kerasblocks (not installed)"


if __name__ == "__main__":
    sys.exit(main())
