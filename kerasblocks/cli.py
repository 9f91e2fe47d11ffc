"""The command line: `kerasblocks search`, `best`, `report`, `check` and `summary`.

Keras is imported as late as possible, so that `--help` and wrong arguments are
answered at once, and its backend's start-up lines do not reach the reader.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import NoReturn

from kerasblocks.commands import best, check, search, search_report, summary
from kerasblocks.commands.errors import CommandError
from kerasblocks.commands.json_lines import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the command's name; the process's own by default.

    Returns:
        The exit code: 0, also where a search ended as its time was up; 1 where the
        search failed or the layer breaks a law, 2 where the study, the target or the
        arguments are wrong, 130 after Ctrl-C.

    Example:
        >>> main(["search", "no_such_file.py"])
        2
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = _JsonParser if "--json" in arguments else argparse.ArgumentParser
    options = _add_commands(parser).parse_args(arguments)
    try:
        return options.run(options)
    except CommandError as error:
        return _error(str(error), error.code)
    except KeyboardInterrupt:
        return _error("interrupted", code=130)


class _JsonParser(argparse.ArgumentParser):
    """Says on standard output too what is wrong with the arguments, as JSON."""

    def error(self, message: str) -> NoReturn:
        say(sys.stdout, "error", message=message, code=2)
        super().error(message)


def _add_commands(kind: type[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = kind(
        prog="kerasblocks",
        description="Composite Keras layers, searches over them, and a contract and "
        "a summary for any layer.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    search.add_to(commands)
    best.add_to(commands)
    search_report.add_to(commands)
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
