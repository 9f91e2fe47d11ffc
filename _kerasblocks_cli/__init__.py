"""The command line: `kerasblocks search`, `best`, `report`, `check` and `summary`.

This package needs only the standard library, so `--help` and wrong arguments are
answered at once. It holds each command's arguments and the checks of them. What a
command does is in `kerasblocks.commands`, which is imported, and Keras with it, only
to run the command.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import sys
from collections.abc import Sequence
from typing import NoReturn

from _kerasblocks_cli import layer, results, search
from _kerasblocks_cli.errors import CommandError, Interrupted
from _kerasblocks_cli.json_lines import json_lines, say


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: What follows the program's name; those of the process by default.

    Returns:
        The exit code. 0: all went well, or the time of a search is up. 1: the search
        failed, or the layer breaks a law. 2: the study, the target or an argument is
        wrong. 130: Ctrl-C.

    Example:
        >>> main(["search", "no_such_file.py"])
        2
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    kind = _JsonParser if "--json" in arguments else argparse.ArgumentParser
    options = _parser(kind).parse_args(arguments)
    try:
        with json_lines() if options.json else contextlib.nullcontext() as stream:
            return options.run(options, stream)
    except CommandError as error:
        return _error(str(error), error.code)
    except Interrupted:
        return 130
    except KeyboardInterrupt:
        return _error("interrupted", code=130)


class _JsonParser(argparse.ArgumentParser):
    """Prints what is wrong with the arguments as JSON, too."""

    def error(self, message: str) -> NoReturn:
        say(sys.stdout, "error", message=message, code=2)
        super().error(message)


def _parser(kind: type[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    parser = kind(
        prog="kerasblocks",
        description="Composite Keras layers, searches over them, and a contract and "
        "a summary for any layer.",
    )
    parser.add_argument("--version", action="version", version=_version())
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    search.add_search(commands)
    results.add_best(commands)
    results.add_report(commands)
    layer.add_check(commands)
    layer.add_summary(commands)
    return parser


def _error(message: str, code: int) -> int:
    print(f"kerasblocks: error: {message}", file=sys.stderr)
    return code


def _version() -> str:
    try:
        return f"kerasblocks {importlib.metadata.version('kerasblocks')}"
    except importlib.metadata.PackageNotFoundError:
        return "kerasblocks (not installed)"
