"""What the parsers of all commands share: their form, and numbers and times."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable
from typing import Any, TextIO

Run = Callable[[argparse.Namespace, TextIO | None], int]

_UNITS = {"d": 86400, "h": 3600, "m": 60, "s": 1}
_PARTS = re.compile("".join(rf"(?:([\d.]+){unit})?" for unit in _UNITS))


def add_command(
    commands: Any, name: str, run: Run, text: str, *, about: str, usage: str = ""
) -> argparse.ArgumentParser:
    """Add a command to those of the command line.

    Args:
        commands: The subparsers of the command line.
        name: The command's name.
        run: Takes the parsed options, and the stream for JSON or None; returns the
            exit code.
        text: The description, and behind a blank line what follows the options.
        about: The line of the command in the list of commands.
        usage: Replaces the usage line that argparse makes.
    """
    description, _, epilog = text.partition("\n\n")
    parser = commands.add_parser(
        name,
        help=about,
        description=description,
        epilog=epilog,
        usage=usage or None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run, json=False)
    return parser


def whole(least: int) -> Callable[[str], int]:
    """A converter to whole numbers of `least` or more, for argparse."""

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            value = least - 1
        if value < least:
            raise argparse.ArgumentTypeError(
                f"expected a whole number of {least} or more, got {text!r}"
            )
        return value

    return parse


def seconds(text: str) -> float:
    """Convert a time, like 90 or 1h30m, to seconds, for argparse.

    Args:
        text: Seconds, or numbers with the units d, h, m, s in this order.

    Raises:
        argparse.ArgumentTypeError: It is no time, or not above 0.

    Example:
        >>> seconds("90"), seconds("10m"), seconds("1h30m"), seconds("1.5h")
        (90.0, 600.0, 5400.0, 5400.0)
    """
    plain = text.strip().lower().replace(" ", "")
    if re.fullmatch(r"[\d.]+", plain):
        plain += "s"
    found = _PARTS.fullmatch(plain)
    try:
        if found is None or not plain:
            raise ValueError
        pairs = zip(found.groups(), _UNITS.values(), strict=True)
        total = sum(float(part) * unit for part, unit in pairs if part)
    except ValueError:
        total = 0.0
    if not total > 0:
        raise argparse.ArgumentTypeError(
            f"expected a time above 0 like 90, 90s, 10m or 1h30m, got {text!r}"
        )
    return total
